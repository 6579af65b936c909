/** The page's words in Chinese (simplified). Commands, ways to fail and site codes stay as they are typed. */
import type { StoryItem } from "../model/story.ts";
import type { NameOf, Words } from "./english.ts";

export const CHINESE: Words = {
  code: "zh-CN",
  languageName: "中文",
  cities: {
    "new-york": "纽约",
    "los-angeles": "洛杉矶",
    "san-francisco": "旧金山",
    london: "伦敦",
    frankfurt: "法兰克福",
    amsterdam: "阿姆斯特丹",
    "hong-kong": "香港",
    singapore: "新加坡",
    sydney: "悉尼",
    shanghai: "上海",
    hangzhou: "杭州",
    wuhan: "武汉",
    chengdu: "成都",
    shenzhen: "深圳",
  },
  tagline: "可以亲手击倒、再看它自愈的任播边缘网络",
  state: {
    connecting: "正在连接",
    lost: "连接中断,正在重试",
    starting: "节点正在启动",
    inService: "全部正常",
    degraded: (count) => `${count} 个节点不可用`,
    gatewaySilent: "网关没有应答",
    simulatorSilent: "模拟器没有应答:显示其最后的状态",
    stale: "路由信息中断:沿用最后的路由",
  },
  toggle: { theme: "深色或浅色", language: "English" },
  lookOnly: {
    title: "仅可查看。",
    how: "要在此处操作,请打开终端打印的链接,或输入",
    used: "该链接已使用过,或属于另一次运行。请输入",
  },
  map: {
    title: "谁在为谁服务",
    emulated: "真实:进程、套接字、请求、BGP 会话。模拟:每次往返的距离,以及 BGP 在互联网中的传播。",
    apart: "深圳与香港在图上有意分开。",
    legend: { announced: "已宣告", graceful: "平滑下线", withdrawn: "已撤销", moved: "改由其他站点服务" },
    site: (site, city, network, well, all) => `${site},${city}:${network},${all} 个节点中 ${well} 个正常`,
    arc: (city, site) => `${city} 由 ${site} 服务`,
    unreachable: "无路由",
    summary: (parts) => `世界地图。${parts}`,
  },
  network: { announced: "已宣告", graceful: "请求绕行", withdrawn: "已撤销" },
  table: {
    title: (cities) => `${cities} 城市测速`,
    caption: "各城市同时发出的冷请求的中位数",
    city: "城市",
    status: "状态",
    site: "站点",
    ttfb: "首字节",
    delta: "变化",
    floor: "下限",
    single: "单站点",
    unit: "毫秒",
    floorTitle: "光在光纤中往返三次:不可能更快。计算值。",
    singleTitle: "假如只有纽约一个站点:25 毫秒加三次往返。计算值。",
    deltaTitle: "与故障前最后一次测速相比",
    run: "立即测速",
    running: "测速中 …",
    failed: "失败",
    mixed: "不一致",
    showHead: (city) => `${city}:查看原始响应`,
  },
  head: {
    title: (city) => `给${city}的响应`,
    none: "先测速,再选择一个城市,即可查看它最后一次响应的原文。",
    noAnswer: (error) => `没有响应:${error}。`,
    by: (node, connect, ttfb) => `来自 ${node} · 连接 ${connect} · 首字节 ${ttfb}`,
  },
  story: {
    titleFault: "故障之后",
    titleStart: "启动以来",
    detected: "发现",
    withdrawn: "撤销",
    converged: "迁移",
    detectedTitle: "网关摘除第一个节点",
    withdrawnTitle: "路由器将站点从互联网撤销",
    convergedTitle: "迄今最后一个城市完成迁移",
    empty: "尚无事件。",
    line: storyLine,
  },
  counters: {
    title: "负载",
    planned: "计划",
    sent: "已发送",
    failed: "失败",
    rescued: "挽救",
    bound: "失败率不高于",
    ratio: "失败率",
    boundTitle: "n 个请求无一失败:95 % 置信度下真实失败率不高于 3/n",
    rescuedTitle: "第一个节点失败后由其他节点或站点应答;客户端毫无察觉",
    posts: (count) => `POST ${count}`,
    postsTitle: "POST 不可重复发送:节点可能已开始处理时,网关无法挽救",
    start: "开始负载",
    stop: "停止负载",
    rate: "每秒请求数",
    off: "无负载",
    perSecond: (rate) => `${rate}/秒`,
  },
  chart: {
    title: "负载下的延迟",
    p50: "中位数",
    p99: "p99",
    ttfb: "首字节",
    failures: "失败",
    empty: "开始负载,即可看到客户端感受到的延迟。",
    summary: (p50, p99) => `当前:中位数 ${p50},第 99 百分位 ${p99}`,
    seconds: (count) => `最近 ${count} 秒;p99 取每 0.5 秒最差值`,
  },
  kill: {
    title: "故障开关",
    target: "对象",
    wholeSite: "整个站点",
    how: "方式",
    arm: "准备",
    confirm: (how, target) => `确认:${how} ${target}`,
    armed: (how, target) => `已准备:${how} ${target}。请确认,或按 Esc 取消。`,
    cancel: "取消",
    revive: (target) => `恢复 ${target}`,
    drain: (target) => `排空 ${target}`,
    reset: "全部复位",
    under: (fault) => `处于 "${fault}"`,
    done: (what) => `${what}:完成`,
    doing: (what) => `${what} …`,
  },
  watched: {
    title: "仅供观看",
    why: "此处没有故障开关:本页没有启动这些进程,也不能终止它们。若运行在容器中,请在终端输入:",
    times: (seconds) => `时间为本页服务察觉的时刻:路由变化立即可见,会话与网关的判断最多晚 ${seconds} 秒。`,
    story: "已观察到的事件",
    requestsTitle: "网关处理的请求",
    requests: "请求",
    failedTitle: "没有节点能应答,由网关自行回复",
    hedged: "对冲",
    hedgedTitle: "第一个节点无响应,于是同时请求了第二个节点",
    pace: (seconds) => `每 ${seconds} 秒从每个城市请求一次`,
    noTest: "未测量",
  },
  how: {
    shutdown: "SIGTERM:请其他站点接手,处理完剩余请求,撤销路由后退出。",
    kill: "SIGKILL:进程立即消失,内核关闭其套接字。",
    hang: "SIGSTOP:进程冻结,内核仍替它接受连接。",
    isolate: "拔网线:进程仍在,所有套接字都不再收发。",
    "bgp-cut": "只有 BGP 静默,HTTP 正常。没有损失,路由会迁移。",
  },
  nodes: {
    title: (site) => `${site} 的节点`,
    pid: "进程号",
    cpu: "CPU",
    memory: "内存",
    requests: "请求/秒",
    cpuTitle: "占一个核心的比例;100 % 即占满一个核心",
    memoryTitle: "常驻内存",
    requestsTitle: "网关每秒交给它的请求数",
    gateway: "网关",
    bgp: "BGP",
    log: "最近的日志",
    noLog: "没有日志。",
    outOfReach: "此处无法获知:进程号、CPU、内存、日志。",
    process: { running: "运行", starting: "启动中", stopped: "已停止", exited: "已退出", frozen: "冻结" },
    health: {
      unproven: "未验证",
      healthy: "健康",
      unhealthy: "不健康",
      ejected: "已摘除",
      draining: "排空中",
    },
    session: { up: "已建立", down: "已断开" },
  },
  replay: {
    recording: "一次模拟变更的录像",
    run: (run) => `第 ${run} 次`,
    ases: (count) => `${count} 个自治系统`,
    mapTitle: "路由通向哪里",
    mapNote: "圆面积:此刻路由通向该站点的自治系统占全部的比例(仅此一次模拟运行)。全部为模拟。",
    dead: "已失效",
    site: (site, state, routes, share) => `${site}:${state},${routes} 个自治系统(${share})的路由通向此处`,
    timeline: "时间轴",
    moment: "录像的时刻",
    after: (time) => `开始后 ${time}`,
    curve: "整个录像中数据包的去向;点击可跳到某一时刻",
    fates: { right: "到达", wrong: "到达失效站点", lost: "无处可去", looping: "绕圈" },
    toStart: "回到开头",
    backwards: "倒放",
    play: "播放",
    pause: "暂停",
    toEnd: "跳到结尾",
    speed: "速度",
    packets: "数据包的去向",
    changes: "迄今变更",
    messages: (count) => `${count} 条消息`,
    affected: (count) => `统计录像中路由有变的 ${count} 个自治系统,各计一次,逐跳跟踪。`,
    sites: "此刻的站点",
    sitesCaption: "各站点是否宣告,以及有多少自治系统的路由通向它",
    siteHead: "站点",
    stateHead: "状态",
    routesHead: "自治系统",
    changeHead: "变化",
    shareHead: "占全部;竖线:最初",
    routeless: (count, share) => `无路由:${count}(${share})。`,
    ties: "仅为模型的一次运行:路径同样好时,取自治系统号最小者。",
    happened: "发生了什么",
    settled: (percent) => `需要迁移的已有 ${percent} % 到达最终站点`,
  },
  command: {
    copy: (command) => `复制可看到同样内容的命令:${command}`,
    copied: "已复制",
    select: "请选中后复制",
  },
};

function storyLine({ event, sort }: StoryItem, nameOf: NameOf): string {
  switch (event.kind) {
    case "lab.started":
      return `实验启动,种子 ${event.seed}`;
    case "lab.ready":
      return "全部站点就绪";
    case "fault.injected":
      return `${event.how} ${event.target}`;
    case "drain.started":
      return `开始排空 ${event.target}`;
    case "fault.confirmed":
      return `${event.node}:${event.how} 已确认`;
    case "drain.finished":
      return `${event.node} 已排空,剩余 ${event.requestsOpen} 个请求`;
    case "load.failed":
      return `首个失败:${nameOf(event.vantage)} 的 ${event.method},${event.reason}`;
    case "gateway.failed":
      return `首个失败:${nameOf(event.vantage)} 的 ${event.method},${event.failure}`;
    case "gateway.window":
      return `首批请求被挽救:100 毫秒内 ${event.rescued} 个`;
    case "gateway.node":
      return sort === "detected" ? `网关摘除 ${event.node}(${event.reason})` : `网关重新信任 ${event.node}`;
    case "router.session":
      return `路由器 ${event.site} 失去 ${event.node}(${event.reason})`;
    case "bfd.session":
      return event.detectMs === null
        ? `与 ${event.node} 的 BFD 断开(${event.reason})`
        : `BFD:${event.node} 已静默 ${Math.round(event.detectMs)} 毫秒`;
    case "site.withdrawn":
      return `${event.site} 已从互联网撤销`;
    case "site.announced":
      return event.isGracefulShutdown ? `${event.site} 请求绕行` : `${event.site} 已宣告`;
    case "vantage.moved":
      return `${nameOf(event.vantage)}:${event.from ?? "无路由"} → ${event.to ?? "无路由"}`;
    case "routes.settled":
      return "路由已稳定";
    case "revive.asked":
      return `恢复 ${event.target}`;
    case "reset.done":
      return "复位完成";
    default:
      return event.kind;
  }
}
