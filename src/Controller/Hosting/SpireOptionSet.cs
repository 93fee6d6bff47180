using System.CommandLine;
using Culvert.Controller.Identity.Spire;
using Culvert.Protocol;

namespace Culvert.Controller.Hosting;

/// <summary>The options of <c>culvert-controller run</c> by which a SPIRE server signs. Make one for each command.</summary>
internal sealed class SpireOptionSet
{
    private const string UnixPrefix = "unix:";
    private const string Mint = "mint", Intermediate = "intermediate";

    private readonly Option<string?> _server = new("--spire-server")
    {
        Description = $"Have a SPIRE server sign: unix:///PATH of its own socket, or HOST[:PORT] of its API (port {SpireOptions.DefaultPort} unless said). Default: the built-in authority.",
    };

    private readonly Option<string?> _workloadApi = new("--spire-workload-api")
    {
        Description = $"With --spire-server HOST: unix:///PATH or tcp://IP:PORT of the Workload API that gives the controller its own identity. Default: {SpiffeEndpoint.EnvironmentVariable}.",
    };

    private readonly Option<string> _signing = new("--spire-signing")
    {
        Description = $"With --spire-server: '{Mint}' has the server sign each certificate, '{Intermediate}' has it certify an authority that the controller signs with; HOST only.",
        DefaultValueFactory = _ => Mint,
    };

    /// <summary>All of them, in the order of the help text.</summary>
    public IReadOnlyList<Option> All => [_server, _workloadApi, _signing];

    /// <summary>How to reach the server; null: there is none to be used.</summary>
    /// <param name="parsed">The command line, which was parsed without errors.</param>
    /// <param name="problems">Takes up what can't be used, a line each.</param>
    public SpireOptions? Read(ParseResult parsed, ICollection<string> problems)
    {
        string? server = parsed.GetValue(_server), workloadApi = parsed.GetValue(_workloadApi);
        bool isSocket = server?.StartsWith(UnixPrefix, StringComparison.Ordinal) == true;
        if (workloadApi is not null && (server is null || isSocket))
            problems.Add($"{_workloadApi.Name} means something with {_server.Name} HOST only: it gives the identity that the server is shown there");
        bool isDownstream = ReadSigning(parsed, server, isSocket, problems);
        if (server is null) return null;
        if (isSocket) return ReadEndpoint(_server.Name, server, problems) is { } socket ? new() { Socket = socket } : null;
        if (ReadAddress(server, problems) is not { } address) return null;
        (string name, string? api) = workloadApi is null ? (SpiffeEndpoint.EnvironmentVariable, Environment.GetEnvironmentVariable(SpiffeEndpoint.EnvironmentVariable)) : (_workloadApi.Name, workloadApi);
        if (!string.IsNullOrEmpty(api)) return ReadEndpoint(name, api, problems) is { } endpoint ? new() { Address = address, WorkloadApi = endpoint, IsDownstream = isDownstream } : null;
        problems.Add($"{_server.Name} {server} needs {_workloadApi.Name} (or {name}): the server is shown an identity, which the Workload API gives");
        return null;
    }

    private bool ReadSigning(ParseResult parsed, string? server, bool isSocket, ICollection<string> problems)
    {
        string signing = parsed.GetValue(_signing)!;
        if (server is null && parsed.GetResult(_signing) is { Implicit: false }) problems.Add($"{_signing.Name} means something with {_server.Name} only");
        else if (signing is not (Mint or Intermediate)) problems.Add($"{_signing.Name} takes {Mint} or {Intermediate}, not '{signing}'");
        else if (signing == Intermediate && isSocket) problems.Add($"{_signing.Name} {Intermediate} needs {_server.Name} HOST: a server certifies authorities for identities with a downstream entry, and for nobody on its own socket");
        return signing == Intermediate;
    }

    private static SpiffeEndpoint? ReadEndpoint(string option, string text, ICollection<string> problems)
    {
        if (SpiffeEndpoint.TryParse(text, out SpiffeEndpoint? endpoint, out string? error)) return endpoint;
        problems.Add($"{option} '{text}' {error}");
        return null;
    }

    private Uri? ReadAddress(string server, ICollection<string> problems)
    {
        if (Uri.TryCreate("https://" + server, UriKind.Absolute, out Uri? uri) && uri is { PathAndQuery: "/", UserInfo: "", Fragment: "" } && !server.Contains('/', StringComparison.Ordinal))
            return uri.IsDefaultPort && !server.EndsWith(":443", StringComparison.Ordinal) ? new UriBuilder(uri) { Port = SpireOptions.DefaultPort }.Uri : uri;
        problems.Add($"{_server.Name} takes unix:///PATH or HOST[:PORT], an IPv6 address in brackets, not '{server}'");
        return null;
    }
}
