using Culvert.ProxyBench;

// One proxy over loopback without kernel programs, to be measured with wrk and iperf3 and profiled on its own:
//   pki DIR                                   write a root and two identities
//   in  DIR LISTEN [LOOPS [http]]                accept tunnels; the application is at the same address
//   out DIR LISTEN TUNNEL TARGET [LOOPS [http]]  take connections and carry them through tunnels; TUNNEL "-" relays plainly
//   udp-tunnel DIR SIZE SECONDS SESSIONS      datagrams through a tunnel in this process
//   udp-out DIR LISTEN TUNNEL TARGET [LOOPS]  take captured datagrams and carry them through tunnels
//   udp-send TARGET SIZE FLOWS SECONDS RATE plain|captured
//   udp-count LISTEN                          the application that they reach
return args switch
{
    ["pki", var dir] => BenchPki.Write(dir),
    ["in", var dir, var listen, .. var rest] => await BenchProxy.RunInboundAsync(dir, listen, Loops(rest), Protocol(rest)),
    ["out", var dir, var listen, var tunnel, var target, .. var rest] => await BenchProxy.RunOutboundAsync(dir, listen, tunnel, target, Loops(rest), Protocol(rest)),
    ["udp-tunnel", var dir, var size, var seconds, var sessions] => await UdpTunnelBench.RunAsync(dir, Number(size), Number(seconds), Number(sessions)),
    ["udp-out", var dir, var listen, var tunnel, var target, .. var rest] => await BenchProxy.RunUdpAsync(dir, listen, tunnel, target, Loops(rest)),
    ["udp-send", var target, var size, var flows, var seconds, var rate, var how] =>
        UdpLoad.Send(target, Number(size), Number(flows), Number(seconds), Number(rate), how == "captured"),
    ["udp-count", var listen] => UdpLoad.Count(listen),
    _ => Usage(),
};

static int Loops(string[] rest) => rest is [var n, ..] ? Number(n) : 2;

static string? Protocol(string[] rest) => rest is [_, var protocol] ? protocol : null;

static int Number(string text) => int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

static int Usage()
{
    Console.Error.WriteLine("usage: pki DIR | in DIR LISTEN [LOOPS [http]] | out DIR LISTEN TUNNEL TARGET [LOOPS [http]] | udp-tunnel DIR SIZE SECONDS SESSIONS");
    return 64;
}
