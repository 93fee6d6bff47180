using System.Globalization;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Parsers of the annotations that name ports; each returns what is wrong, or null.</summary>
internal static class PortLists
{
    /// <summary>Most ports, and most prefixes, of an annotation: as many as lists of a specification have.</summary>
    public const int MostListed = 256;

    private const string Version = "v2";
    private const string FromField = "from=";

    /// <summary><c>v2</c> for every port, or <c>v2:80,53/udp</c>; with <c>; tlvs=none</c> addresses only.</summary>
    public static string? ProxyProtocol(string text, out ProxyProtocolRequest request)
    {
        string[] parts = text.Split(';', StringSplitOptions.TrimEntries);
        EquatableArray<TransportPort> ports = TransportPort.All;
        string? error = parts.Length > 2 || (parts.Length == 2 && parts[1] is not ("tlvs=none" or "tlvs=all")) ? $"'{parts[^1]}' is not understood; tlvs=none or tlvs=all may follow"
            : parts[0] == Version ? null
            : parts[0].StartsWith(Version + ":", StringComparison.Ordinal) ? Ports(parts[0][(Version.Length + 1)..], out ports)
            : $"'{text}' is neither v2 nor v2 with ports such as v2:80,53/udp";
        request = new(ports, parts[^1] == "tlvs=none");
        return error;
    }

    /// <summary><c>80,443; from=10.0.0.0/8,fd00::/8</c>.</summary>
    public static string? AcceptProxyProtocol(string text, out TrustedProxies proxies)
    {
        proxies = new([], []);
        string[] parts = text.Split(';', StringSplitOptions.TrimEntries);
        if (parts.Length != 2 || !parts[1].StartsWith(FromField, StringComparison.Ordinal))
            return $"'{text}' does not say whom to believe; write ports and prefixes such as 80,443; from=10.0.0.0/8,fd00::/8";
        if (Ports(parts[0], out EquatableArray<TransportPort> ports) is { } error) return error;
        var from = new List<IpPrefix>();
        foreach (string prefix in parts[1][FromField.Length..].Split(',', StringSplitOptions.TrimEntries))
        {
            if (Names.Prefix(prefix, out IpPrefix parsed) is { } wrong) return wrong;
            from.Add(parsed);
            if (from.Count > MostListed) return $"names more than {MostListed} prefixes";
        }
        proxies = new(ports, from.Distinct().ToEquatableArray());
        return null;
    }

    /// <summary><c>RoundRobin</c> for every TCP port, or by port: <c>80=RoundRobin,443=LeastConnections</c>; both may stand together.</summary>
    public static string? TcpLoadBalancing(string text, out EquatableArray<PortLoadBalancing> modes) =>
        LoadBalancing(text, TransportProtocol.Tcp, nameof(Core.LoadBalancing.LeastConnections), out modes);

    /// <summary><c>SourceHash</c> for every UDP port, or by port: <c>53=SourceHash,514=LeastSessions</c>; both may stand together.</summary>
    public static string? UdpLoadBalancing(string text, out EquatableArray<PortLoadBalancing> modes) =>
        LoadBalancing(text, TransportProtocol.Udp, "LeastSessions", out modes);

    private static string? LoadBalancing(string text, TransportProtocol protocol, string least, out EquatableArray<PortLoadBalancing> modes)
    {
        (string Name, LoadBalancing Mode)[] known =
        [
            (nameof(Core.LoadBalancing.Random), Core.LoadBalancing.Random), (nameof(Core.LoadBalancing.RoundRobin), Core.LoadBalancing.RoundRobin),
            (least, Core.LoadBalancing.LeastConnections), (nameof(Core.LoadBalancing.SourceHash), Core.LoadBalancing.SourceHash),
        ];
        var found = new List<PortLoadBalancing>();
        HashSet<ushort> seen = [];
        modes = [];
        foreach (string item in text.Split(',', StringSplitOptions.TrimEntries))
        {
            string[] parts = item.Split('=', 2, StringSplitOptions.TrimEntries);
            ushort port = 0;
            if (parts.Length == 2 && (!ushort.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out port) || port == 0))
                return $"'{parts[0]}' is not a port; a number within 1..65535 is allowed";
            int mode = Array.FindIndex(known, k => k.Name.Equals(parts[^1], StringComparison.OrdinalIgnoreCase));
            if (mode < 0) return $"'{parts[^1]}' is not one of {string.Join(", ", known.Select(k => k.Name))}";
            if (!seen.Add(port)) return port == 0 ? "says twice what holds for every port" : $"port {port} is there twice";
            found.Add(new(new TransportPort(port, protocol), known[mode].Mode));
        }
        modes = found.ToEquatableArray();
        return null;
    }

    /// <summary>Ports with commas between.</summary>
    private static string? Ports(string text, out EquatableArray<TransportPort> ports)
    {
        var found = new List<TransportPort>();
        HashSet<TransportPort> seen = [];
        ports = [];
        foreach (string item in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (!TransportPort.TryParse(item, out TransportPort port, out string? error)) return error;
            if (!seen.Add(port)) return $"port {port} is there twice";
            found.Add(port);
            if (found.Count > MostListed) return $"names more than {MostListed} ports";
        }
        ports = found.ToEquatableArray();
        return null;
    }
}
