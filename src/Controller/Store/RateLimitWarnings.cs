using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>Keeps the warnings of limits of rates that count nothing, or otherwise than they say: nobody reads the requests, or their namespace names too much. Not thread-safe.</summary>
/// <param name="workloads">All workloads, as they are when changes are taken up.</param>
internal sealed class RateLimitWarnings(WorkloadIndex workloads)
{
    private readonly RateLimitReferenceWarnings _references = new(workloads);
    private readonly MultiMap<string, ObjectKey> _limits = new();
    private readonly MultiMap<string, ObjectKey> _services = new(); // those that say something of HTTP
    private readonly MultiMap<NamespacedName, ObjectKey> _asking = new(); // by the Services that they have asked
    private readonly WarningTable _warnings = new();
    private readonly LimitWarnings<RateLimitObject>[] _room = [.. new[] { ObjectKind.RateLimit, ObjectKind.NginxRateLimit }.Select(k => new LimitWarnings<RateLimitObject>(k, NamespaceLimits.RateLimitValues(), TooMany))];

    /// <summary>All of them, by object.</summary>
    public IEnumerable<SourceError> All => _warnings.All.Concat(_references.All).Concat(_room.SelectMany(r => r.All));

    /// <summary>Takes changes up.</summary>
    /// <param name="changes">Objects as they were and as they are.</param>
    /// <param name="find">An object that is in force now.</param>
    public void Update(IReadOnlyCollection<(MeshObject? Old, MeshObject? New)> changes, Func<ObjectKey, MeshObject?> find)
    {
        HashSet<ObjectKey> dirty = [];
        foreach ((MeshObject? old, MeshObject? now) in changes)
        {
            MeshObject one = (old ?? now)!;
            string ns = one.Meta.Namespace;
            if (one is ServiceObject)
            {
                if (old is ServiceObject before && UnreadPortWarnings.HttpPorts(before).Any()) _services.Remove(ns, one.Key);
                if (now is ServiceObject after && UnreadPortWarnings.HttpPorts(after).Any()) _services.Add(ns, one.Key);
                dirty.UnionWith(_limits[ns]);
                dirty.UnionWith(_asking[one.Meta.FullName]);
            }
            else if (one is RateLimitObject)
            {
                if (old is RateLimitObject gone) Remove(gone);
                if (now is RateLimitObject added) Add(added);
                dirty.Add(one.Key);
            }
        }

        foreach (ObjectKey key in dirty) _warnings.Set(key, find(key) is RateLimitObject limit ? [.. AllOf(limit, find)] : []);
        _references.Update(changes, find);
        foreach (LimitWarnings<RateLimitObject> room in _room) room.Update(changes, find);
    }

    private void Add(RateLimitObject limit)
    {
        _limits.Add(limit.Meta.Namespace, limit.Key);
        foreach ((_, GlobalRateLimit global) in GlobalsOf(limit)) _asking.Add(global.Service, limit.Key);
    }

    private void Remove(RateLimitObject limit)
    {
        _limits.Remove(limit.Meta.Namespace, limit.Key);
        foreach ((_, GlobalRateLimit global) in GlobalsOf(limit)) _asking.Remove(global.Service, limit.Key);
    }

    private static IEnumerable<(int Rule, GlobalRateLimit Global)> GlobalsOf(RateLimitObject limit)
    {
        for (int rule = 0; rule < limit.Policy.Rules.Count; rule++)
        {
            if (limit.Policy.Rules[rule].Limit?.Global is { } global) yield return (rule, global);
        }
    }

    private IEnumerable<SourceError> AllOf(RateLimitObject limit, Func<ObjectKey, MeshObject?> find)
    {
        if (Of(limit, find) is { } unread) yield return unread;
        foreach ((int rule, GlobalRateLimit global) in GlobalsOf(limit))
        {
            if (NameWarnings.MissingService(global.Service, global.Port, find) is { } missing)
                yield return SourceWarning.About(limit, $"{missing}: requests {(global.RefusesOnFailure ? "are refused" : "pass without being counted")} there", "spec", "rules", rule, "global", "service");
        }
    }

    private SourceError? Of(RateLimitObject limit, Func<ObjectKey, MeshObject?> find)
    {
        if (limit.Target is { } target)
        {
            return find(new(ObjectKind.Service, target.Namespace, target.Name)) is not ServiceObject service ? SourceWarning.About(limit, $"limits nothing: there is no Service {target}", "spec", "destination")
                : UnreadPortWarnings.HttpPorts(service).Any() ? null
                : SourceWarning.About(limit, $"limits nothing: Service {target} does not say of any port that it speaks HTTP (by appProtocol, or the port's name), so that nobody reads its requests", "spec", "destination");
        }

        if (limit.Meta.Namespace == Names.RootNamespace) return null;
        return _services[limit.Meta.Namespace].Count > 0 ? OfPorts(limit, find)
            : SourceWarning.About(limit, $"limits nothing: no Service of namespace {limit.Meta.Namespace} says of a port that it speaks HTTP (by appProtocol, or the port's name), so that nobody reads its requests", "spec");
    }

    private SourceError? OfPorts(RateLimitObject limit, Func<ObjectKey, MeshObject?> find)
    {
        ushort?[] spoken = UnreadPortWarnings.Spoken(_services[limit.Meta.Namespace].Select(k => (ServiceObject)find(k)!));
        ushort[] unread = spoken.Contains(null) ? [] : [.. limit.Policy.Rules.SelectMany(r => r.To).SelectMany(t => t.Ports).Where(p => !spoken.Contains(p)).Distinct().Order()];
        return unread.Length == 0 ? null
            : SourceWarning.About(limit, $"limits nothing at port {string.Join(" or ", unread)}: no Service of namespace {limit.Meta.Namespace} says that it speaks HTTP (by appProtocol, or the port's name), so that nobody reads its requests", "spec", "rules");
    }

    private static SourceError TooMany(RateLimitObject limit) => SourceWarning.About(
        limit, $"all requests count for the slowest of its rules: the RateLimits of namespace {limit.Meta.Namespace} name more than {NamespaceLimits.MostRateLimitValues} values, or most where all namespaces together name more than {NamespaceLimits.MostPolicyValuesOfAll}", "spec");
}
