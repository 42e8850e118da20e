# 面向客户的中文文案。目录中的每个代码（docs/protocol.md 第 14 节）对应一条：标题、发生了什么、怎么办。
# 参数：$tries、$place、$holder、$path、$host；未知时均为 "none"。

## 已完成或进行中

ok = 已完成
    .what = 操作成功。
    .remedy = 无需其他操作。
shown = U盾正在显示
    .what = U盾屏幕上正在显示这笔订单。
    .remedy = 请在U盾上逐页核对，同意按 OK 键，拒绝按 C 键。
pin-needed = 需要 PIN 码
    .what = 您已在U盾上按下 OK 键，但U盾还没有收到 PIN 码。
    .remedy = 请在手机上输入 PIN 码，然后在U盾上再按一次 OK 键。
pin-wrong = PIN 码错误
    .what = { $tries ->
        [none] U盾没有接受这个 PIN 码。
        [0] U盾没有接受这个 PIN 码，PIN 码现已锁定。
       *[other] U盾没有接受这个 PIN 码，还可以再试 { $tries } 次，之后 PIN 码将被锁定。
    }
    .remedy = { $tries ->
        [0] 请联系银行重置 PIN 码。
       *[other] 请仔细输入 PIN 码，然后在U盾上按 OK 键。如果记不清，请停下来，联系银行重置。
    }
last-try = 最后一次机会
    .what = 只剩一次机会，再输错 PIN 码将被锁定。
    .remedy = 确定 PIN 码无误，请在U盾上再按一次 OK 键；不确定请按 C 键，并联系银行重置。
waiting = 等待您确认
    .what = U盾仍在显示这笔订单，还没有按键。
    .remedy = 请在U盾上逐页核对，同意按 OK 键，拒绝按 C 键。

## 来自U盾

malformed = 数据无法识别
    .what = { $place ->
        [none] 收到的数据不符合约定格式，已被拒绝。
       *[other] 收到的数据不符合约定格式（位置：{ $place }），已被拒绝。
    }
    .remedy = 请更新应用后重试。如果再次出现，请告知银行。
unknown-command = U盾不支持此功能
    .what = U盾不认识这个功能，它的固件可能比应用旧。
    .remedy = 请联系银行升级固件或更换U盾。
unknown-version = 版本不兼容
    .what = 应用与U盾没有共同支持的协议版本。
    .remedy = 请更新应用。如果仍然不行，请联系银行更换U盾。
unknown-phone = U盾不认识这部手机
    .what = U盾表示没有与这部手机配对。手机上的数据没有被删除。
    .remedy = 请确认拿的是正确的U盾。如果曾在U盾上移除这部手机，请用U盾按键打开配对模式，重新配对。
not-pairing = 配对模式未打开
    .what = 只有在U盾上手动打开配对模式后，才能添加新手机。
    .remedy = 请在U盾菜单中打开配对模式，然后重试。
pairing-tries-spent = 配对已停止
    .what = 连续三次配对没有完成。为保护您的安全，配对模式已关闭。
    .remedy = 请到没有陌生设备的地方，用U盾按键重新打开配对模式，再从头开始。
phones-full = U盾已配对 8 部手机
    .what = 不能再添加新手机。
    .remedy = 请先移除一部不再使用的手机，再配对这一部。
busy = U盾正忙
    .what = U盾正在显示另一笔订单，或正与其他设备通信。
    .remedy = 请先处理U盾屏幕上的内容，然后重试。
too-large = 订单过大
    .what = 订单超出这款U盾能接收的大小，没有显示。
    .remedy = 请缩短附言，重新创建订单。
declined = 已在U盾上拒绝
    .what = 您在U盾上按了 C 键，没有做任何更改。
    .remedy = 如果是误按，请重新开始。
pairing-code-spent = 二维码已失效
    .what = U盾屏幕上的每个二维码只能用一次。现在屏幕上是另一个，或没有二维码。没有配对。
    .remedy = 请让U盾显示二维码，扫描当前显示的那一个。
pin-initial = 请先修改 PIN 码
    .what = U盾还在使用出厂时的初始 PIN 码，除修改 PIN 码外不能做任何操作。
    .remedy = 请立即用已配对的手机修改 PIN 码。如果那部手机已不可用，请先在U盾菜单中移除它，再配对这部手机。
pin-locked = PIN 码已锁定
    .what = PIN 码输错次数过多。重置之前，U盾不会批准任何订单。
    .remedy = 请携带身份证件联系银行重置 PIN 码。
pin-too-simple = 新 PIN 码过于简单
    .what = 所有字符相同或依次相连，例如 111111 或 123456。
    .remedy = 请选一个更难猜的 PIN 码。
pin-unchanged = 新旧 PIN 码相同
    .what = 新 PIN 码与原来的一样，没有做任何更改。
    .remedy = 请换一个 PIN 码。
bad-signature = 签名不真实
    .what = 银行签名不符，相应内容已被拒绝。
    .remedy = 请不要重试。请拨打您熟知的银行电话核实。
unknown-order-key = U盾还没有银行的新密钥
    .what = 银行使用了新密钥，需要先把它送到U盾。
    .remedy = 请重试：应用会自动获取新密钥并送到U盾。
operation-not-allowed = 银行密钥无此权限
    .what = 签发这笔订单的密钥不能用于此类业务，订单已被拒绝。
    .remedy = 请告知银行，重试没有用。
wrong-addressee = 不是这只U盾的订单
    .what = 这笔订单是发给另一只U盾的。
    .remedy = 请连接银行为该账户发放的U盾。如果就是这一只，请告知银行。
wrong-bank = 不是这家银行的订单
    .what = 订单不是来自这只U盾所属的银行，已被拒绝。
    .remedy = 请使用相应银行的U盾。
order-expired = 订单已过期
    .what = 这笔订单已不能再确认。
    .remedy = 如仍需办理，请重新创建订单。
issued-outside-validity = 订单时间不符
    .what = 签发订单时，银行的密钥不在有效期内，订单已被拒绝。
    .remedy = 请告知银行，重试没有用。
order-id-reused = 订单号重复
    .what = U盾见过同一订单号的另一笔订单，因此拒绝了这一笔。
    .remedy = 请告知银行，不要确认重复的订单。
store-full = U盾存储已满
    .what = U盾会保存结果直到订单过期，目前没有空间保存新的结果，订单没有显示。
    .remedy = 请稍后重试。如果一直如此，请联系银行。
unshowable = U盾无法显示这笔订单
    .what = { $place ->
        [none] U盾要么完整显示订单，要么不显示。这笔订单有内容无法显示。
       *[other] U盾要么完整显示订单，要么不显示。这笔订单有内容无法显示（位置：{ $place }）。
    }
    .remedy = 请替换姓名或附言中的生僻字和过长的字母、数字串，重新创建订单。
epoch-fallen = 银行密钥已过时
    .what = 收到的银行密钥比已有的更旧，已被拒绝。
    .remedy = 请检查网络后重试。如果再次出现，请告知银行。
no-certificate = 尚无证书
    .what = 没有银行签发的证书，U盾不能批准订单。
    .remedy = 请先下载证书。
certificate-exists = 已有证书
    .what = U盾已有此用途的证书，不能再次首次签发。
    .remedy = 无需操作。如即将到期，请联系银行更新。
wrong-certificate = 证书不匹配
    .what = 这张证书不是为这只U盾的密钥签发的，U盾没有接受。
    .remedy = 请联系银行重新签发。
cancelled = 已取消
    .what = 订单已从U盾屏幕撤下，U盾没有签名。
    .remedy = 如仍需办理，请重新创建订单。
timed-out = 超时未按键
    .what = U盾已停止等待，没有签名。
    .remedy = 请拿好U盾，重新开始。
not-found = U盾上没有
    .what = U盾上没有所查找的内容。
    .remedy = 请重新查看列表，它可能已被移除或已经处理。
already-decided = 已在U盾上决定
    .what = 您已在U盾上批准或拒绝了这笔订单，不能再在U盾上撤回。
    .remedy = 请让应用取回结果。如需撤回，请立即联系银行。
token-failure = U盾报告故障
    .what = U盾内部出错。您之前的决定仍保存在U盾中。
    .remedy = 请关闭U盾再打开，然后重试。如果再次出现，请到银行更换。

## 来自银行

bad-authorization = 银行未接受U盾的结果
    .what = U盾返回的结果未能通过验证，订单没有因此改变。
    .remedy = 请先查询这笔订单，再更新应用，并告知银行。
unknown-order = 银行没有这笔订单
    .what = 银行记录中没有这笔订单。
    .remedy = 请查看未完成的订单，确认其中没有这一笔后再重新创建。
key-frozen = U盾密钥已被冻结
    .what = 银行发现您的U盾可能存在两份副本，已停止接受它的结果。
    .remedy = 请立即拨打您熟知的银行电话。
other-authorization = 已有其他结果
    .what = 银行已经收到这笔订单的另一个结果。
    .remedy = 请查询订单的最终结果。如果不是您本人所为，请联系银行。
in-progress = 银行正在处理
    .what = 您的请求已送达，正在处理。
    .remedy = 请稍候再查询，不要重复创建订单。
other-request = 请求不一致
    .what = 应用用同一请求编号发送了不同内容，银行没有处理。
    .remedy = 请重新创建订单。如果再次出现，请更新应用。
bad-request = 银行未接受输入内容
    .what = { $place ->
        [none] 请求中有内容缺失或不符合要求。
       *[other] 请求中有内容缺失或不符合要求：{ $place }。
    }
    .remedy = 请改正后重试。
not-signed-in = 请登录
    .what = 您尚未登录银行，或登录已超时。
    .remedy = 请登录后重试。
wrong-password = 登录失败
    .what = { $tries ->
        [none] 用户名或密码错误。
        [0] 用户名或密码错误，尝试次数已用完。
       *[other] 用户名或密码错误，还可以再试 { $tries } 次。
    }
    .remedy = { $tries ->
        [0] 请联系银行恢复登录。
       *[other] 请核对后重试。
    }
insufficient-funds = 余额不足
    .what = 账户余额不够支付这笔金额。
    .remedy = 请减少金额或更换付款账户。
unknown-account = 找不到账户
    .what = { $place ->
        [none] 银行没有这个账户，或您无权用它付款。
       *[other] 银行没有这个账户，或您无权用它付款：{ $place }。
    }
    .remedy = 请核对账号后重试。
no-token = 银行没有您的U盾记录
    .what = 银行没有登记发给您的U盾。
    .remedy = 请到银行领取U盾，或咨询为何没有登记。
pages-differ = U盾显示的内容不一致
    .what = U盾声明显示的内容与银行要求显示的不同，订单已被拒绝。
    .remedy = 请不要再使用这只U盾，并联系银行。
pin-policy = 未验证 PIN 码
    .what = 这笔订单必须验证 PIN 码，而U盾的结果表明没有验证，订单已被拒绝。
    .remedy = 请告知银行，U盾可能有故障。
key-not-active = U盾证书无效
    .what = 证书已过期或被吊销，银行没有接受结果。
    .remedy = 请联系银行更新证书。
bank-failure = 银行系统出现问题
    .what = 银行暂时无法处理请求。
    .remedy = 请稍后重试，应用会从中断处继续。
too-many-attempts = 尝试次数过多
    .what = 为保护您的安全，银行暂停接受尝试。
    .remedy = 请等待几分钟后重试。
bank-unreachable = 无法连接银行
    .what = { $host ->
        [none] 没有收到银行的应答。
       *[other] 没有收到 { $host } 的应答。
    }
    .remedy = 请检查网络后重试，应用会从中断处继续。
bank-untrusted = 对方不是您的银行
    .what = { $host ->
        [none] 对方无法证明自己是您的银行，没有向其发送任何内容。
       *[other] { $host } 无法证明自己是您的银行，没有向其发送任何内容。
    }
    .remedy = 请离开当前网络，尤其是公共 Wi-Fi；检查本机日期和时间后重试。如果再次出现，请联系银行。
bank-lied = 银行的应答不可信
    .what = 收到的应答不是您的银行签名，或与其签名的内容矛盾，未被采信。
    .remedy = 请拨打您熟知的银行电话核实。在此之前，不要认定其应答的任何内容。

## 与U盾的连接

token-not-found = 找不到U盾
    .what = { $host ->
        [none] 没有U盾应答。
       *[other] { $host } 没有U盾应答。
    }
    .remedy = 请按一下U盾的任意键，靠近手机后重试。配对时请先在U盾菜单中打开配对模式；如果曾在U盾上移除这部手机，请重新配对。
link-lost = 与U盾的连接中断
    .what = 没有丢失任何内容：如果您已按 OK 键，U盾会保存您的决定。
    .remedy = 请把U盾靠近手机后继续。
tag-lost = U盾离开得太早
    .what = U盾已不在手机上或读卡器上。没有丢失任何内容：它会继续显示，并保存您的决定。
    .remedy = 请把U盾重新贴近，然后继续。
token-timeout = U盾没有应答
    .what = 连接仍在，但没有及时收到应答。如果您已按 OK 键，U盾会保存您的决定。
    .remedy = 请关闭U盾再打开，然后继续。
token-misbehaved = U盾行为异常
    .what = 它发送了正常U盾不会发送的内容，连接已关闭。
    .remedy = 请确认这是您的U盾，再试一次。如果再次出现，请停止使用并联系银行。
wrong-token = 不是指定的U盾
    .what = { $device ->
        [none] 连接的不是所需的那只U盾。
       *[other] 现在的U盾是 { $device }，不是所需的那一只。
    }
    .remedy = 请换成正确的U盾。如已配对多只，请指明是哪一只。
channel-broken = 安全连接受到干扰
    .what = 有数据损坏或顺序错乱，连接已关闭。内容没有被读取或篡改。
    .remedy = 请重试。如果经常出现，请换个地方，可能有人在干扰。
radio-off = 蓝牙或 NFC 未开启
    .what = 可能已关闭、本机没有此功能，或系统的相应服务没有运行。
    .remedy = 请在系统设置中打开。在 Linux 上，请确认 D-Bus 和 BlueZ（bluetoothd）正在运行，然后重试。
radio-forbidden = 没有使用蓝牙或 NFC 的权限
    .what = 系统不允许此应用查找U盾。
    .remedy = 请在系统设置中允许此应用使用，然后重试。
no-reader = 没有读卡器
    .what = { $host ->
        [none] 这里没有可用的读卡器，或系统的读卡器服务没有运行。
       *[other] 这里没有读卡器 { $host }，或系统的读卡器服务没有运行。
    }
    .remedy = 请插好读卡器。在 Linux 上，请确认 pcscd 服务正在运行，然后重试。

## 配对

bad-commitment = 此处配对不安全
    .what = U盾没有遵守配对规则，可能有人在中间拦截。没有完成配对。
    .remedy = 请到没有陌生设备的地方从头开始。如果再次出现，请联系银行。
untrusted-maker = 可能不是正品U盾
    .what = 它不是由您的银行信任的厂商制造的。没有完成配对。
    .remedy = 请不要输入 PIN 码，把U盾拿到银行核实。
bad-device-statement = U盾无法证明身份
    .what = 这个连接可能通向别的设备，而不是您的U盾。没有完成配对。
    .remedy = 请到没有陌生设备的地方从头开始。如果再次出现，请联系银行。
digits-differ = 数字不一致
    .what = 手机与U盾显示的六位数字不同，可能有人在中间拦截。没有完成配对。
    .remedy = 请换个地方从头开始，核对全部六位数字。如果仍不一致，请联系银行。
not-paired = 尚未配对
    .what = { $device ->
        [none] 这部手机还没有与U盾配对。
       *[other] 这部手机还没有与所需的U盾配对：{ $device }。
    }
    .remedy = 请在那只U盾的菜单中打开配对模式，进行配对。属于另一只U盾的订单无需该U盾即可撤回。
already-paired = 已经配对
    .what = 这部手机已与这只U盾配对。
    .remedy = 无需操作。如需重新配对，请先移除这只U盾。
bad-pairing-code = 不是配对二维码
    .what = 读到的内容不是U盾的配对二维码。
    .remedy = 请在U盾菜单中选择“配对手机”，按向下键显示二维码，再扫描它。
profile-unknown = 尚不了解U盾的屏幕
    .what = 配对后本手机还没有连接过这只U盾，或者U盾比本应用更新，因此不知道它的屏幕如何显示订单。
    .remedy = 请连接一次U盾后重试；仍然如此请更新应用。U盾自己无论如何都会显示订单。

## 应用为保护您而拒绝

wrong-authorization = 不是这笔订单的结果
    .what = U盾返回的结果不属于这笔订单，没有提交给银行。
    .remedy = 请重试。如果再次出现，请停止使用这只U盾并联系银行。
rejection-as-approval = 拒绝被冒充为批准
    .what = 返回的结果自称批准，但U盾签名的是拒绝，不会当作批准。
    .remedy = 请先查询这笔订单。如果再次出现，请联系银行。
order-altered = 与您的请求不符
    .what = { $place ->
        [none] 银行返回的订单与您的请求不同，没有发送到U盾。
       *[other] 银行返回的订单与您的请求不同（{ $place }），没有发送到U盾。
    }
    .remedy = 请不要确认任何内容，并拨打您熟知的银行电话核实。
unexpected-event = 步骤顺序异常
    .what = 发生了此时不应发生的情况，一切保持原状。
    .remedy = 请关闭应用后重新打开。如果再次出现，请更新应用。

## 输入

bad-input = 请检查输入内容
    .what = { $place ->
        [none] 有内容缺失或不符合要求。
       *[other] 缺失或不符合要求：{ $place }。
    }
    .remedy = 请改正后重试。
bad-text = 文字不符合要求
    .what = { $place ->
        [none] 文字为空、过长，或含有可能造成误导、无法显示的字符。
       *[other] { $place }：文字为空、过长，或含有可能造成误导、无法显示的字符。
    }
    .remedy = 过长请缩短；否则请手动重新输入，不要粘贴，避免带入看不见的字符。
bad-check-digits = 账号有误
    .what = { $place ->
        [none] 校验位不符：有数字输错或前后颠倒。
       *[other] { $place }：校验位不符，有数字输错或前后颠倒。
    }
    .remedy = 请与原始账号逐位核对。
unknown-currency = 未知币种
    .what = 这不是有效的币种代码，例如 CNY 或 EUR。
    .remedy = 请从列表中选择币种。
bad-exponent = 金额与币种不符
    .what = 小数位数与该币种不符，金额可能被误读，订单已被拒绝。
    .remedy = 请告知银行，不要确认任何内容。
bad-pin-format = PIN 码格式不正确
    .what = PIN 码为 6 到 12 位数字或英文字母，区分大小写。
    .remedy = 请重新输入。

## 本机

store-corrupt = 应用数据已损坏
    .what = { $path ->
        [none] 应用保存的数据与写入时不一致。
       *[other] 应用保存的数据与写入时不一致，已原样移到：{ $path }
    }
    .remedy = 登录后订单会从银行重新取回，请重新配对U盾。不会因此丢失付款，也不会重复付款。
disk-full = 存储空间不足
    .what = 没有空间保存下一步，因此没有继续。之前保存的内容是安全的。
    .remedy = 请清理空间后重试。
store-locked = 应用已经打开
    .what = { $holder ->
        [none] 应用数据正在使用中：可能是另一个程序，也可能是本程序第二次打开。
       *[other] 应用数据正由 { $holder } 使用。
    }
    .remedy = 请关闭已打开的应用，然后重试。
store-failure = 无法使用应用数据
    .what = { $path ->
        [none] 系统不允许读写应用数据。
       *[other] 系统不允许在此处读写：{ $path }
    }
    .remedy = 请检查文件夹权限和磁盘状态，并确认应用版本不低于数据的版本。
keystore-failure = 无法使用应用密钥
    .what = { $path ->
        [none] 本机的密钥库没有提供应用的密钥。
       *[other] 本机的密钥库没有提供应用的密钥：{ $path }
    }
    .remedy = 请解锁本机后重试。密钥文件必须完整，并且只有您本人可以读取。
not-set-up = 尚未设置
    .what = 应用还没有您的银行的信息。
    .remedy = 请先用银行提供的资料完成设置。
other-setup = 属于其他用户
    .what = 这里的应用数据属于另一位客户或另一家银行。
    .remedy = 请为每家银行的每位客户使用各自的位置，或使用原来的客户和银行。
secret-missing = 需要 PIN 码或密码
    .what = { $place ->
        [none] 此操作需要 PIN 码或密码，但无处询问。
       *[other] 此操作需要{ $place }，但无处询问。
    }
    .remedy = 请在可以输入的地方运行，或按帮助说明提供。
interrupted = 已中止
    .what = 操作在完成前被中止。已保存的内容不变，您在U盾上的决定也会保留。
    .remedy = 请重新开始，会从中断处继续。

## 应答丢失时U盾可能已完成的操作，代替错误代码的文字

doubt-pin-change = PIN 码可能已修改
    .what = U盾的应答丢失了。如果您已按 OK 键，PIN 码可能已经是新的。
    .remedy = 请先试新 PIN 码。如果旧 PIN 码已失效，输入它会消耗一次机会。
doubt-pairing = U盾可能已配对
    .what = U盾的应答丢失了。如果您已按 OK 键，U盾可能已列出这部手机，但手机上没有这只U盾的记录。
    .remedy = 请用U盾按键打开配对模式，再配对一次。如果U盾已列出这部手机，原记录会被替换。
doubt-forget = 手机可能已移除
    .what = U盾的应答丢失了。如果您已按 OK 键，U盾已移除那部手机。
    .remedy = 请查看U盾的手机列表。如果其中已没有这部手机，请在这部手机上也移除这只U盾。

## 流程中的时刻，参数按各自需要

moment-connecting = { $link ->
    [none] 正在寻找U盾。请打开U盾并靠近。
   *[other] 正在寻找U盾（{ $link }）。请打开U盾并靠近。
}
moment-connected = 已连接U盾。
moment-radio-off = 蓝牙或 NFC 已关闭，请打开……
moment-radio-forbidden = 此应用没有使用蓝牙或 NFC 的权限，请在系统设置中允许……
moment-no-reader = 没有读卡器，请插入……
moment-several-tokens = 附近有 { $found } 只U盾，将使用最近或最先应答的一只，请移开其他U盾。
moment-wrong-token = { $name ->
        [none] 这只U盾不认识这部手机，请换成正确的一只……
       *[other] 这是U盾“{ $name }”，不是所需的那一只，请更换……
    }
moment-tag-lost = U盾已移开，它会继续显示。准备好后请重新贴近……
moment-reconnecting = 连接中断或没有应答，正在重试（第 { $attempt } 次）……
moment-resuming = 继续办理订单 { $order }。
moment-creating-order = 银行正在准备订单……
moment-open-order-found = 已有金额和收款账号相同的订单未完成（{ $order }），将按原内容继续处理那一笔。
moment-press-ok-on-token = { $screen }
moment-review-on-token = 请在U盾屏幕上核对全部 { $pages } 页。无误请在最后一页按 OK 键，有误请按 C 键。
moment-pin-needed = U盾正在等待 PIN 码。输入后请在U盾上再按一次 OK 键。
moment-pin-wrong = { $tries ->
        [0] PIN 码错误，已锁定。
       *[other] PIN 码错误，还可以再试 { $tries } 次。
    }
moment-last-try = 最后一次机会：再输错 PIN 码将被锁定。确定无误才在U盾上再按一次 OK 键。
moment-approved = 已在U盾上批准。
moment-rejected = 已在U盾上拒绝。
moment-submitting = 正在把您的决定提交给银行……
moment-unknown = 订单 { $order } 的结果目前未知，并不是失败。应用会在此刻以及下次继续时向银行查询回执；请不要重复创建订单。
moment-cancelling = 正在撤回订单……
moment-settled = { $outcome }
moment-storing-certificate = 正在把证书存入U盾……

## U盾上需要按 OK 键的画面

screen-pairing = 请核对两个屏幕上的六位数字。一致请在U盾上按 OK 键，不一致请按 C 键。
screen-pairing-by-code = 请在U盾上按 OK。
screen-pin-change = U盾询问是否修改 PIN 码。如果是您要求的，请按 OK 键，否则按 C 键。
screen-forget = U盾询问是否移除一部手机。如果是您要求的，请按 OK 键，否则按 C 键。

## 询问 PIN 码

ask-approve = { $token ->
        [none] U盾 PIN 码
       *[other] { $token } 的 PIN 码
    }
ask-wrong-before = { $token ->
        [none] U盾 PIN 码
       *[other] { $token } 的 PIN 码
    }（还可以再试 { $tries } 次）
ask-second-phone = { $token ->
        [none] U盾 PIN 码
       *[other] { $token } 的 PIN 码
    }（用于添加另一部手机）
ask-current = { $token ->
        [none] U盾当前的 PIN 码
       *[other] { $token } 当前的 PIN 码
    }
ask-new = { $token ->
        [none] 新 PIN 码
       *[other] { $token } 的新 PIN 码
    }（6 到 12 位数字或字母）

## 订单的结果

status-requested = 已请求
status-open = 等待您在U盾上决定
status-decided = 已决定，正在提交银行
status-unknown = 结果未知
status-executed = 已执行
status-rejected = 已在U盾上拒绝
status-expired = 已过期，未执行
status-cancelled = 已取消，未执行
status-refused = 银行拒绝，未执行
status-not-created = 银行未受理，没有生成订单

## 输入项名称

place-account-scheme = 账户类型
place-amount = 金额
place-bank = 银行地址
place-ca = 银行的 CA 证书
place-creditor-account = 收款账号
place-creditor-agent = 开户行
place-creditor-name = 收款人
place-currency = 币种
place-customer = 用户名
place-debtor-account = 付款账号
place-execution-date = 执行日期
place-keystore = 密钥文件夹
place-new-pin = 新 PIN 码
place-password = 密码
place-phone = 手机名称
place-pin = U盾 PIN 码
place-remittance-text = 附言
place-role = 证书用途
place-token-digits = U盾屏幕上的数字
place-trust-name = 银行名称
