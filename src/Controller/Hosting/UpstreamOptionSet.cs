using System.CommandLine;
using Culvert.Controller.Identity.Upstream;
using Culvert.Controller.Identity.Upstream.CertManager;
using Culvert.Controller.Identity.Upstream.Vault;
using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Hosting;

/// <summary>The options of <c>culvert-controller run</c> by which an authority in files, in Vault or of cert-manager certifies the controller's. Make one for each command.</summary>
internal sealed class UpstreamOptionSet
{
    private readonly Option<string?> _certificate = new("--upstream-cert")
    {
        Description = "PEM file of an authority that certifies the one that the controller signs with, followed by what leads from it to a root; read again when it changes. Default: the built-in authority.",
    };

    private readonly Option<string?> _key = new("--upstream-key") { Description = "With --upstream-cert: PEM file of its key, which nobody but its owner and group may open; or pkcs11:... (RFC 7512), where it is in a token." };
    private readonly Option<string?> _roots = new("--upstream-roots") { Description = "PEM file of the roots to be trusted. Default: with --upstream-cert the authority is the root, with --vault those issuers of the engine that are roots." };
    private readonly Option<string?> _issuer = new("--cert-manager-issuer") { Description = "With --kubernetes and --upstream-roots: NAMESPACE/NAME of an issuer of cert-manager that certifies the authority that the controller signs with; requests are made in that namespace." };
    private readonly Option<string?> _issuerKind = new("--cert-manager-kind") { Description = $"With --cert-manager-issuer: its kind. Default: {CertManagerOptions.DefaultKind}." };
    private readonly Option<string?> _issuerGroup = new("--cert-manager-group") { Description = $"With --cert-manager-issuer: the kind's group. Default: {CertManagerOptions.DefaultGroup}." };
    private readonly VaultOptionSet _vault;

    public UpstreamOptionSet() => _vault = new(_roots);

    /// <summary>All of them, in the order of the help text.</summary>
    public IReadOnlyList<Option> All => [_certificate, _key, _roots, .. _vault.All, _issuer, _issuerKind, _issuerGroup];

    /// <summary>Where the authority is.</summary>
    /// <param name="parsed">The command line, which was parsed without errors.</param>
    /// <param name="problems">Takes up what can't be used, a line each.</param>
    public UpstreamChoice Read(ParseResult parsed, ICollection<string> problems)
    {
        int before = problems.Count;
        VaultOptions? vault = _vault.Read(parsed, problems);
        CertManagerOptions? issuer = ReadIssuer(parsed, problems);
        DiskOptions? files = ReadFiles(parsed, hasOther: vault is not null || issuer is not null || problems.Count > before, problems);
        string[] said = [.. new[] { (files is not null, _certificate.Name), (vault is not null, "--vault"), (issuer is not null, _issuer.Name) }.Where(o => o.Item1).Select(o => o.Item2)];
        if (said.Length > 1) problems.Add($"{string.Join(" and ", said)} can't stand together: certificates have one authority");
        return new(files, vault, issuer, said.FirstOrDefault());
    }

    private CertManagerOptions? ReadIssuer(ParseResult parsed, ICollection<string> problems)
    {
        string? kind = parsed.GetValue(_issuerKind), group = parsed.GetValue(_issuerGroup), roots = parsed.GetValue(_roots);
        if (parsed.GetValue(_issuer) is not { } issuer)
        {
            foreach (Option<string?> option in new[] { _issuerKind, _issuerGroup }.Where(o => parsed.GetValue(o) is not null)) problems.Add($"{option.Name} means something with {_issuer.Name} only");
            return null;
        }
        if (roots is null) problems.Add($"{_issuer.Name} needs {_roots.Name}: a request's answer does not say all that is to be trusted");
        ResourceName? name = OptionNames.Read(_issuer.Name, issuer, problems);
        return name is null || OptionPaths.Read(_roots.Name, roots, problems) is not { } path ? null : new(name.Value, path) { Kind = kind ?? CertManagerOptions.DefaultKind, Group = group ?? CertManagerOptions.DefaultGroup };
    }

    private DiskOptions? ReadFiles(ParseResult parsed, bool hasOther, ICollection<string> problems)
    {
        string? certificate = parsed.GetValue(_certificate), key = parsed.GetValue(_key), roots = parsed.GetValue(_roots);
        if (certificate is not null && key is not null)
        {
            string? certificatePath = OptionPaths.Read(_certificate.Name, certificate, problems), keyPath = ReadKey(key, problems), rootsPath = OptionPaths.Read(_roots.Name, roots, problems);
            return certificatePath is null || keyPath is null ? null : new(certificatePath, keyPath, rootsPath);
        }
        if (certificate is not null) problems.Add($"{_certificate.Name} needs {_key.Name}: the authority has to sign");
        else if (key is not null || (roots is not null && !hasOther)) problems.Add(key is null ? $"{_roots.Name} means something with {_certificate.Name}, --vault or {_issuer.Name} only: they name the authority" : $"{_key.Name} means something with {_certificate.Name} only: it names the authority");
        return null;
    }

    private string? ReadKey(string key, ICollection<string> problems)
    {
        if (!TokenKey.IsUri(key)) return OptionPaths.Read(_key.Name, key, problems);
        if (TokenKey.FindProblem(key) is not { } problem) return key;

        // Nothing behind its first attribute: what follows may be a PIN.
        problems.Add($"{_key.Name} {key.Split('?', ';')[0]} {problem}");
        return null;
    }
}
