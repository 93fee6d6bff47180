using System.Globalization;
using Culvert.Controller;
using Culvert.NodeAgent.Options;

namespace Culvert.Cli.Checks;

/// <summary>Whether the ports that Culvert listens on are free.</summary>
internal static class PortCheck
{
    // Column 4 of a socket table: TCP_LISTEN, and TCP_CLOSE, which is what a bound and unconnected UDP socket is in.
    private const string Listening = "0A";
    private const string Bound = "07";

    private static readonly ListenPort[] Ports =
    [
        new(AgentOptionsDefaults.OutboundPort, Udp: false, "captured TCP", "--outbound-port"),
        new(AgentOptionsDefaults.UdpPort, Udp: true, "captured UDP", "--udp-port"),
        new(AgentOptionsDefaults.TunnelPort, Udp: false, "the tunnel", "--tunnel-port"),
        new(ControllerOptions.DefaultPort, Udp: false, "a controller", null),
        new(AgentOptionsDefaults.MetricsPort, Udp: false, "metrics", "--metrics"),
        new(AgentOptionsDefaults.ReadinessPort, Udp: false, "readiness", "--readiness"),
    ];

    public static IReadOnlyList<Finding> Run(bool agentRuns) => Evaluate(TakenPorts(udp: false), TakenPorts(udp: true), agentRuns);

    /// <summary>Evaluates the ports that are taken.</summary>
    internal static IReadOnlyList<Finding> Evaluate(IReadOnlySet<int> tcp, IReadOnlySet<int> udp, bool agentRuns) =>
        [.. Ports.Select(port => Evaluate(port, (port.Udp ? udp : tcp).Contains(port.Number), agentRuns))];

    /// <summary>The ports of this network namespace that a socket listens on, or for UDP is bound to.</summary>
    internal static IReadOnlySet<int> TakenPorts(bool udp)
    {
        string[] tables = udp ? ["/proc/net/udp", "/proc/net/udp6"] : ["/proc/net/tcp", "/proc/net/tcp6"];

        // Column 2 is local address:port in hexadecimal. A kernel without IPv6 has no table of it.
        return tables
            .Where(File.Exists)
            .SelectMany(path => File.ReadLines(path).Skip(1))
            .Select(line => line.Split(' ', 5, StringSplitOptions.RemoveEmptyEntries))
            .Where(columns => columns[3] == (udp ? Bound : Listening))
            .Select(columns => int.Parse(columns[1].AsSpan(columns[1].LastIndexOf(':') + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture))
            .ToHashSet();
    }

    private static Finding Evaluate(ListenPort port, bool taken, bool agentRuns)
    {
        if (!taken)
        {
            return Finding.Ok("ports", $"{port} is free");
        }

        var find = string.Create(CultureInfo.InvariantCulture, $"`ss -l{(port.Udp ? 'u' : 't')}np 'sport = :{port.Number}'`");
        if (port.Option is not { } option)
        {
            return Finding.Warning("ports", $"{port} is taken", $"right if that is the controller ({find} says so); else start a controller of this machine with another port in --listen");
        }

        return agentRuns
            ? Finding.Ok("ports", $"{port} is used while an agent runs")
            : Finding.Error("ports", $"{port} is taken by another program", $"find it with {find} and move it, or start the agent with {option}");
    }
}
