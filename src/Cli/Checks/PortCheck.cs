using System.Globalization;

namespace Culvert.Cli.Checks;

/// <summary>Whether the ports the agent listens on are free.</summary>
internal static class PortCheck
{
    private static readonly (int Port, string Purpose, string Option)[] Ports =
    [
        (15001, "captured TCP", "--outbound-port"),
        (15008, "the tunnel", "--tunnel-port"),
        (15020, "metrics", "--metrics"),
        (15021, "readiness", "--readiness"),
    ];

    private static readonly string[] SocketTables = ["/proc/net/tcp", "/proc/net/tcp6"];

    public static IReadOnlyList<Finding> Run(bool agentRuns)
    {
        var listening = Listening();
        return
        [
            .. Ports.Select(p => (p, Taken: listening.Contains(p.Port))).Select(x => x switch
            {
                { Taken: false } => Finding.Ok("ports", string.Create(CultureInfo.InvariantCulture, $"{x.p.Port} ({x.p.Purpose}) is free")),
                _ when agentRuns => Finding.Ok("ports", string.Create(CultureInfo.InvariantCulture, $"{x.p.Port} ({x.p.Purpose}) is used while an agent runs")),
                _ => Finding.Error(
                    "ports",
                    string.Create(CultureInfo.InvariantCulture, $"{x.p.Port} ({x.p.Purpose}) is taken by another program"),
                    string.Create(CultureInfo.InvariantCulture, $"find it with `ss -ltnp 'sport = :{x.p.Port}'` and move it, or start the agent with {x.p.Option}")),
            }),
        ];
    }

    // Column 2 is local address:port in hexadecimal, column 4 the state; 0A is LISTEN.
    private static HashSet<int> Listening() =>
    [
        .. SocketTables
            .Where(File.Exists)
            .SelectMany(path => File.ReadLines(path).Skip(1))
            .Select(line => line.Split(' ', 5, StringSplitOptions.RemoveEmptyEntries))
            .Where(columns => columns[3] == "0A")
            .Select(columns => int.Parse(columns[1].AsSpan(columns[1].LastIndexOf(':') + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture)),
    ];
}
