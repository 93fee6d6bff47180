using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>The limits of rates by all that compilation finds them by. Not thread-safe.</summary>
internal sealed class RateLimitIndex
{
    private readonly Dictionary<NamespacedName, RateLimitObject> _byPolicy = [];
    private readonly SelectorIndex<RateLimitObject> _selecting = new(l => l.Selector);
    private readonly MultiMap<NamespacedName, NamespacedName> _byService = new();
    private readonly NamespaceLimit<RateLimitObject> _values = NamespaceLimits.RateLimitValues();
    private readonly NamespaceLimit<RateLimitObject> _nginxValues = NamespaceLimits.RateLimitValues();

    /// <summary>Whether there is room for the conditions of a limit.</summary>
    public bool HasRoom(RateLimitObject limit) => !LimitOf(limit).IsOver(limit.Meta.Namespace);

    /// <summary>One by the name of its policy.</summary>
    public RateLimitObject? Find(NamespacedName policy) => _byPolicy.GetValueOrDefault(policy);

    /// <summary>The policies that are about a workload, by name.</summary>
    /// <param name="workload">The workload.</param>
    /// <param name="services">The Services that say what its ports speak.</param>
    public IEnumerable<NamespacedName> Of(WorkloadObject workload, IEnumerable<ServiceObject> services) =>
        _selecting.InScope(workload.Meta).Select(l => l.Policy.Name).Concat(services.SelectMany(s => _byService[s.Meta.FullName])).Distinct().Order();

    /// <summary>Puts one in the place of another.</summary>
    /// <returns>The policies that have to be compiled anew.</returns>
    public IEnumerable<NamespacedName> Replace(RateLimitObject? before, RateLimitObject? after)
    {
        RateLimitObject one = (before ?? after)!;
        if (before is not null)
        {
            _byPolicy.Remove(before.Policy.Name);
            if (before.Target is { } target) _byService.Remove(target, before.Policy.Name);
            else _selecting.Remove(before);
        }
        if (after is not null)
        {
            _byPolicy.Add(after.Policy.Name, after);
            if (after.Target is { } target) _byService.Add(target, after.Policy.Name);
            else _selecting.Add(after);
        }
        return LimitOf(one).Replace(before, after).Select(n => one.Kind == ObjectKind.RateLimit ? RateLimitNames.PolicyOf(n) : RateLimitNames.PolicyOfNginx(n)).Append(one.Policy.Name);
    }

    private NamespaceLimit<RateLimitObject> LimitOf(RateLimitObject limit) => limit.Kind == ObjectKind.RateLimit ? _values : _nginxValues;
}
