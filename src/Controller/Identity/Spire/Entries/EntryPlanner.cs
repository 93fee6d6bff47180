using System.Collections.Immutable;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>
/// Works out which entries there should be: one for each identity and node that has an enrolled workload of it, as an agent needs no more than one certificate for an identity, however many pods have it. Pure.
/// </summary>
internal sealed class EntryPlanner(SpireEntryOptions options)
{
    private const string Wildcard = "*.";

    /// <summary>The entries of a world.</summary>
    /// <param name="world">The world.</param>
    /// <param name="federatesWith">Trust domains to federate with whose bundles the server has.</param>
    public EntryPlan Plan(EntryWorld world, IEnumerable<string> federatesWith)
    {
        MeshSettings mesh = world.Catalog.Mesh;
        Work work = new(options, world, [.. federatesWith.Where(t => t != mesh.TrustDomain)]);
        HashSet<(SpiffeId, string)> seen = [];
        ImmutableHashSet<string>.Builder revoked = ImmutableHashSet.CreateBuilder<string>(StringComparer.Ordinal);
        foreach (SpiffeId identity in mesh.Revoked.Identities) revoked.Add(identity.ToString());
        foreach (WorkloadInfo workload in world.Catalog.Workloads.Values)
        {
            if (workload.Enrolled && workload.Node.Length > 0 && !revoked.Contains(workload.Identity.ToString()) && seen.Add((workload.Identity, workload.Node))) work.Add(workload);
        }
        return work.End(revoked.ToImmutable());
    }

    /// <summary>The ID that an entry of a server would have if it were this mesh's.</summary>
    public string IdOf(SpireEntry entry) => SpireEntry.IdOf(options.Prefix, entry.Identity, entry.Parent, entry.Selectors);

    // The names of one identity, and what it is known by.
    private sealed record Shape(EquatableArray<EntrySelector> Selectors, EquatableArray<string> DnsNames);

    private sealed class Work(SpireEntryOptions options, EntryWorld world, ImmutableArray<string> federatesWith)
    {
        private readonly EquatableArray<string> _federatesWith = EntryWire.InOrder(federatesWith);
        private readonly int _lifetime = (int)Math.Clamp((options.Lifetime ?? world.Catalog.Mesh.CertificateLifetime).TotalSeconds, 0, int.MaxValue);
        private readonly Dictionary<string, string?> _parents = new(StringComparer.Ordinal);
        private readonly Dictionary<SpiffeId, Shape> _shapes = [];
        private readonly Dictionary<string, SpireEntry> _entries = new(StringComparer.Ordinal);

        /// <summary>The identities that a process of a parent would be given, by that and its selectors.</summary>
        private readonly Dictionary<(string Parent, EquatableArray<EntrySelector> Selectors), HashSet<string>> _given = [];

        private readonly HashSet<string> _blocked = new(StringComparer.Ordinal);
        private readonly SortedDictionary<EntryTroubleKind, SortedSet<string>> _troubles = [];

        public void Add(WorkloadInfo workload)
        {
            string identity = workload.Identity.ToString();
            if (!_parents.TryGetValue(workload.Node, out string? parent)) _parents.Add(workload.Node, parent = ParentOf(workload.Node));
            if (parent is null)
            {
                _blocked.Add(identity);
                return;
            }
            if (!_shapes.TryGetValue(workload.Identity, out Shape? shape)) _shapes.Add(workload.Identity, shape = ShapeOf(workload));
            string id = SpireEntry.IdOf(options.Prefix, identity, parent, shape.Selectors);

            // Nodes may share a parent.
            _entries.TryAdd(id, new()
            {
                Id = id,
                Identity = identity,
                Parent = parent,
                Selectors = shape.Selectors,
                Lifetime = _lifetime,
                FederatesWith = _federatesWith,
                DnsNames = shape.DnsNames,
            });
            if (!_given.TryGetValue((parent, shape.Selectors), out HashSet<string>? given)) _given.Add((parent, shape.Selectors), given = new(StringComparer.Ordinal));
            given.Add(identity);
        }

        public EntryPlan End(ImmutableHashSet<string> revoked)
        {
            // Whoever were one could be the other as well.
            foreach (((string parent, EquatableArray<EntrySelector> selectors), HashSet<string> given) in _given.Where(g => g.Value.Count > 1))
            {
                Note(EntryTroubleKind.Selectors, $"{string.Join(" and ", given.Order(StringComparer.Ordinal))} would be whoever is {string.Join(' ', selectors)} below {parent}");
                foreach (string identity in given) _entries.Remove(SpireEntry.IdOf(options.Prefix, identity, parent, selectors));
                _blocked.UnionWith(given);
            }
            return new()
            {
                Entries = _entries.ToImmutableDictionary(StringComparer.Ordinal),
                Blocked = [.. _blocked],
                Revoked = revoked,
                Troubles = [.. _troubles.Select(t => new EntryTrouble(t.Key, t.Value.Count, t.Value.Min!))],
            };
        }

        private string? ParentOf(string node)
        {
            string? uid = world.UidOf(node);
            if (uid is null && options.Parent.Names(EntryTemplate.NodeUid))
            {
                Note(EntryTroubleKind.Parent, $"the uid of the node {node} is not known");
                return null;
            }
            string parent = options.Parent.Fill(p => p == EntryTemplate.NodeUid ? uid! : node);
            if (SpiffeId.TryParse(parent, out _, out string? error)) return parent;
            Note(EntryTroubleKind.Parent, $"the parent on the node {node}: {error}");
            return null;
        }

        private Shape ShapeOf(WorkloadInfo workload)
        {
            string ValueOf(string placeholder) => placeholder == EntryTemplate.Namespace ? workload.Namespace : workload.ServiceAccount;
            List<string> names = [];
            foreach (string name in options.DnsNames.Select(n => n.Fill(ValueOf)))
            {
                if (CheckDnsName(name) is { } error) Note(EntryTroubleKind.DnsName, $"{workload.Identity}: {error}");
                else names.Add(name);
            }
            return new(EntryWire.InOrder(options.Selectors.Select(s => new EntrySelector(s.Type, s.Value.Fill(ValueOf)))), EntryWire.InOrder(names));
        }

        private void Note(EntryTroubleKind kind, string example)
        {
            if (!_troubles.TryGetValue(kind, out SortedSet<string>? known)) _troubles.Add(kind, known = new(StringComparer.Ordinal));
            known.Add(example);
        }
    }

    /// <summary>Says why a text is no DNS name for a certificate, or null. The first part may be <c>*</c>.</summary>
    internal static string? CheckDnsName(string text)
    {
        string rest = text.StartsWith(Wildcard, StringComparison.Ordinal) ? text[Wildcard.Length..] : text;
        string? error = Names.Subdomain(rest);
        return error is null && rest.Split('.').Any(l => l.Length > 63) ? $"'{text}' has a part of more than 63 characters" : error;
    }
}
