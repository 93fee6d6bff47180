using System.CommandLine;
using Culvert.Controller.Identity.Federation;

namespace Culvert.Controller.Hosting;

/// <summary>The options of <c>culvert-controller run</c> by which the mesh is federated with other trust domains. Make one for each command.</summary>
internal sealed class FederationOptionSet
{
    private readonly Option<string?> _file = new("--federation")
    {
        Description = "YAML file that names trust domains whose workloads are believed, and where their bundles come from. Read again when it changes.",
    };

    private readonly Option<string?> _endpoint = new("--bundle-endpoint")
    {
        Description = "ADDRESS:PORT where other trust domains are told the mesh's bundle, TLS; by the controller's own certificate (https_spiffe) unless another one is given. Default: nowhere.",
    };

    private readonly Option<string?> _certificate = new("--bundle-endpoint-cert") { Description = "With --bundle-endpoint: file with a certificate of the web, and what leads to its root, in PEM (https_web). Read again when it changes." };
    private readonly Option<string?> _key = new("--bundle-endpoint-key") { Description = "With --bundle-endpoint-cert: file with its key, in PEM." };

    /// <summary>All of them, in the order of the help text.</summary>
    public IReadOnlyList<Option> All => [_file, _endpoint, _certificate, _key];

    /// <summary>The file that names trust domains; null: none are.</summary>
    public FederationOptions ReadFile(ParseResult parsed, ICollection<string> problems) => new() { Path = OptionPaths.Read(_file.Name, parsed.GetValue(_file), problems) };

    /// <summary>Where the mesh's bundle is told; null: nowhere.</summary>
    /// <param name="parsed">The command line, which was parsed without errors.</param>
    /// <param name="problems">Takes up what can't be used, a line each.</param>
    public BundleEndpointOptions? ReadEndpoint(ParseResult parsed, ICollection<string> problems)
    {
        string? place = parsed.GetValue(_endpoint), certificate = OptionPaths.Read(_certificate.Name, parsed.GetValue(_certificate), problems), key = OptionPaths.Read(_key.Name, parsed.GetValue(_key), problems);
        if ((certificate is null) != (key is null)) problems.Add($"{_certificate.Name} and {_key.Name} stand together: a certificate and its key");
        if (place is null && (certificate ?? key) is not null) problems.Add($"{_certificate.Name} and {_key.Name} mean something with {_endpoint.Name} only");
        return place is not null && OptionEndPoints.Read(_endpoint.Name, place, problems) is { } listen ? new(listen) { CertificatePath = certificate, KeyPath = key } : null;
    }
}
