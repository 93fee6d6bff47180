using System.CommandLine;
using System.Globalization;
using Culvert.Controller.Identity.Spire;
using Culvert.Controller.Identity.Spire.Entries;
using Culvert.Core;

namespace Culvert.Controller.Hosting;

/// <summary>The options of <c>culvert-controller run</c> by which it keeps entries of pods at a SPIRE server. Make one for each command.</summary>
internal sealed class SpireEntryOptionSet
{
    private const double LongestLifetime = 365 * 24 * 3600;
    private const string ServerPath = "/spire/server";
    private static readonly string[] OfNodes = [EntryTemplate.NodeName, EntryTemplate.NodeUid], OfIdentities = [EntryTemplate.Namespace, EntryTemplate.ServiceAccount];

    private readonly Option<string?> _mesh = new("--spire-entries")
    {
        Description = "With --spire-server: keep entries of enrolled pods there, for SPIRE's agents. The value names this mesh among those that use the server; IDs of its entries begin with culvert.NAME.",
    };

    private readonly Option<string?> _parent = new("--spire-entry-parent")
    {
        Description = $"With --spire-entries: SPIFFE ID of the SPIRE agent of a node, with {{{EntryTemplate.NodeUid}}} or {{{EntryTemplate.NodeName}}} in it.",
    };

    private readonly Option<string[]> _selectors = new("--spire-entry-selector")
    {
        Description = $"With --spire-entries: TYPE:VALUE of a selector, with {{{EntryTemplate.Namespace}}} and {{{EntryTemplate.ServiceAccount}}} in them; repeatable. Default: {string.Join(" and ", SelectorTemplate.Default)}.",
    };

    private readonly Option<string[]> _names = new("--spire-entry-dns-name") { Description = "With --spire-entries: DNS name in the certificates, with the same placeholders; repeatable." };

    private readonly Option<string[]> _federates = new("--spire-entry-federates-with")
    {
        Description = "With --spire-entries: trust domain whose bundle goes with the certificates; repeatable.",
    };

    private readonly Option<double?> _lifetime = new("--spire-entry-ttl-seconds")
    {
        Description = "With --spire-entries: how long certificates live; 0: as the server says. Default: certificate.lifetime of the MeshConfig.",
    };

    /// <summary>All of them, in the order of the help text.</summary>
    public IReadOnlyList<Option> All => [_mesh, _parent, _selectors, _names, _federates, _lifetime];

    /// <summary>Which entries to keep; null: none are to be.</summary>
    /// <param name="parsed">The command line, which was parsed without errors.</param>
    /// <param name="spire">The server; null: there is none.</param>
    /// <param name="problems">Takes up what can't be used, a line each.</param>
    public SpireEntryOptions? Read(ParseResult parsed, SpireOptions? spire, ICollection<string> problems)
    {
        if (parsed.GetValue(_mesh) is not { } mesh)
        {
            foreach (Option option in All.Where(o => parsed.GetResult(o) is { Implicit: false })) problems.Add($"{option.Name} means something with {_mesh.Name} only: it says what its entries are like");
            return null;
        }

        // A server that can't be used is a problem by itself.
        if (spire is null && problems.Count == 0) problems.Add($"{_mesh.Name} means something with --spire-server only: that is where entries are kept");
        if (Schema.Names.Label(mesh) is { } error) problems.Add($"{_mesh.Name} {error}");
        (EntryTemplate Template, string TrustDomain)? parent = ReadParent(parsed, problems);
        List<SelectorTemplate> selectors = ReadSelectors(parsed, problems);
        List<EntryTemplate> names = ReadDnsNames(parsed, problems);
        string[] federates = ReadFederation(parsed, parent?.TrustDomain, problems);
        TimeSpan? lifetime = ReadLifetime(parsed, problems);
        if (parent is not { } known || selectors.Count == 0) return null;
        return new() { Mesh = mesh, Parent = known.Template, TrustDomain = known.TrustDomain, Selectors = selectors, DnsNames = names, FederatesWith = federates, Lifetime = lifetime };
    }

    private (EntryTemplate Template, string TrustDomain)? ReadParent(ParseResult parsed, ICollection<string> problems)
    {
        if (parsed.GetValue(_parent) is not { } text)
        {
            problems.Add($"{_mesh.Name} needs {_parent.Name}: entries are for the SPIRE agent of a pod's node, as spiffe://TRUST-DOMAIN/spire/agent/k8s_psat/CLUSTER/{{{EntryTemplate.NodeUid}}}");
            return null;
        }
        int path = text.StartsWith(SpiffeId.SchemePrefix, StringComparison.Ordinal) ? text.IndexOf('/', SpiffeId.SchemePrefix.Length) : -1;
        if (path < 0 || text.AsSpan(0, path).ContainsAny('{', '}'))
        {
            problems.Add($"{_parent.Name} takes spiffe://TRUST-DOMAIN/PATH with the trust domain written out, not '{text}'");
            return null;
        }
        if (!EntryTemplate.TryParse(text, OfNodes, out EntryTemplate? template, out string? error))
        {
            problems.Add($"{_parent.Name} '{text}' {error}");
            return null;
        }
        if (!SpiffeId.TryParse(template.Fill(_ => "0"), out SpiffeId? id, out error))
        {
            problems.Add($"{_parent.Name}: with '0' for what is in braces, {error}");
            return null;
        }
        if (id.Path is ServerPath) problems.Add($"{_parent.Name} '{text}' is not an agent: no pod would be given its identity");
        return (template, id.TrustDomain);
    }

    private List<SelectorTemplate> ReadSelectors(ParseResult parsed, ICollection<string> problems)
    {
        List<SelectorTemplate> read = [];
        IReadOnlyList<string> given = parsed.GetValue(_selectors) is { Length: > 0 } said ? said : SelectorTemplate.Default;
        int before = problems.Count;
        foreach (string text in given)
        {
            int colon = text.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0 || colon == text.Length - 1 || text.AsSpan(0, colon).ContainsAny('{', '}')) problems.Add($"{_selectors.Name} takes TYPE:VALUE, as {SelectorTemplate.Default[0]}, not '{text}'");
            else if (EntryTemplate.TryParse(text[(colon + 1)..], OfIdentities, out EntryTemplate? value, out string? error) && !text.AsSpan(0, colon).ContainsAny(' ', '\t', '\n')) read.Add(new(text[..colon], value));
            else problems.Add($"{_selectors.Name} '{text}' {error ?? "has blanks in it"}");
        }
        if (problems.Count == before && OfIdentities.FirstOrDefault(p => !read.Any(s => s.Value.Names(p))) is { } missing)
            problems.Add($"{_selectors.Name}: none has {{{missing}}} in it, so that pods of others would be given the identity");
        return read;
    }

    private List<EntryTemplate> ReadDnsNames(ParseResult parsed, ICollection<string> problems)
    {
        List<EntryTemplate> read = [];
        foreach (string text in parsed.GetValue(_names) ?? [])
        {
            if (!EntryTemplate.TryParse(text, OfIdentities, out EntryTemplate? template, out string? error)) problems.Add($"{_names.Name} '{text}' {error}");
            else if (EntryPlanner.CheckDnsName(template.Fill(_ => "a")) is { } wrong) problems.Add($"{_names.Name} '{text}': with 'a' for what is in braces, {wrong}");
            else read.Add(template);
        }
        return read;
    }

    private string[] ReadFederation(ParseResult parsed, string? own, ICollection<string> problems)
    {
        string[] read = [.. (parsed.GetValue(_federates) ?? []).Select(t => t.StartsWith(SpiffeId.SchemePrefix, StringComparison.Ordinal) ? t[SpiffeId.SchemePrefix.Length..] : t).Distinct(StringComparer.Ordinal)];
        foreach (string trustDomain in read)
        {
            if (Schema.Names.TrustDomain(trustDomain) is { } error) problems.Add($"{_federates.Name} '{trustDomain}': {error}");
            else if (trustDomain == own) problems.Add($"{_federates.Name} '{trustDomain}' is the server's own trust domain, whose bundle is there by itself: with such an entry SPIRE's agents take up no entries at all");
        }
        return read;
    }

    private TimeSpan? ReadLifetime(ParseResult parsed, ICollection<string> problems)
    {
        if (parsed.GetValue(_lifetime) is not { } seconds) return null;
        if (seconds is >= 0 and <= LongestLifetime && seconds == Math.Floor(seconds)) return TimeSpan.FromSeconds(seconds);
        problems.Add(string.Create(CultureInfo.InvariantCulture, $"{_lifetime.Name} takes whole seconds, 0 to {LongestLifetime}, not {seconds}"));
        return null;
    }
}
