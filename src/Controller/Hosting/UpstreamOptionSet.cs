using System.CommandLine;
using Culvert.Controller.Identity.Upstream;
using Culvert.Controller.Identity.Upstream.Vault;

namespace Culvert.Controller.Hosting;

/// <summary>The options of <c>culvert-controller run</c> by which an authority in files, or in Vault, certifies the controller's. Make one for each command.</summary>
internal sealed class UpstreamOptionSet
{
    private readonly Option<string?> _certificate = new("--upstream-cert")
    {
        Description = "PEM file of an authority that certifies the one that the controller signs with, followed by what leads from it to a root; read again when it changes. Default: the built-in authority.",
    };

    private readonly Option<string?> _key = new("--upstream-key") { Description = "With --upstream-cert: PEM file of its key, which nobody but its owner and group may open." };
    private readonly Option<string?> _roots = new("--upstream-roots") { Description = "PEM file of the roots to be trusted. Default: with --upstream-cert the authority is the root, with --vault those issuers of the engine that are roots." };
    private readonly VaultOptionSet _vault;

    public UpstreamOptionSet() => _vault = new(_roots);

    /// <summary>All of them, in the order of the help text.</summary>
    public IReadOnlyList<Option> All => [_certificate, _key, _roots, .. _vault.All];

    /// <summary>Where the authority is; nulls: there is none to be used.</summary>
    /// <param name="parsed">The command line, which was parsed without errors.</param>
    /// <param name="problems">Takes up what can't be used, a line each.</param>
    public (DiskOptions? Files, VaultOptions? Vault) Read(ParseResult parsed, ICollection<string> problems)
    {
        int before = problems.Count;
        VaultOptions? vault = _vault.Read(parsed, problems);
        DiskOptions? files = ReadFiles(parsed, hasVault: vault is not null || problems.Count > before, problems);
        if (files is not null && vault is not null) problems.Add($"{_certificate.Name} and --vault can't stand together: certificates have one authority");
        return (files, vault);
    }

    private DiskOptions? ReadFiles(ParseResult parsed, bool hasVault, ICollection<string> problems)
    {
        string? certificate = parsed.GetValue(_certificate), key = parsed.GetValue(_key), roots = parsed.GetValue(_roots);
        if (certificate is not null && key is not null) return new(Path.GetFullPath(certificate), Path.GetFullPath(key), roots is null ? null : Path.GetFullPath(roots));
        if (certificate is not null) problems.Add($"{_certificate.Name} needs {_key.Name}: the authority has to sign");
        else if (key is not null || (roots is not null && !hasVault)) problems.Add(key is null ? $"{_roots.Name} means something with {_certificate.Name} or --vault only: they name the authority" : $"{_key.Name} means something with {_certificate.Name} only: it names the authority");
        return null;
    }
}
