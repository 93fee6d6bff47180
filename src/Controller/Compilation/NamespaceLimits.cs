using Culvert.Controller.Objects;
using Culvert.Controller.Schema;

namespace Culvert.Controller.Compilation;

/// <summary>What namespaces may ask for, each by itself and all together.</summary>
internal static class NamespaceLimits
{
    /// <summary>Most blocks of addresses in the NetworkPolicies of a namespace, with the parts that are excepted: nodes compare each with each, of the policies that select their pods.</summary>
    public const int MostBlocks = 4096;

    /// <summary>Most ports of the workloads of a namespace that annotations leave alone, each counted for each address.</summary>
    public const int MostOpenPorts = 1024;

    /// <summary>Most of them in the mesh: each is two entries of <c>cv_service</c> at every node, which has 32,768 for them, Services and the rest.</summary>
    public const int MostOpenPortsOfAll = 4096;

    /// <summary>Most ports of Services, each counted for each address of its Service: each is an entry of <c>cv_service</c> at every node.</summary>
    public const int MostServicePorts = 20_480;

    /// <summary>
    /// Most backends of ports of Services, also of those that a route leads to: every agent and controller has each in memory, and hears of all of a Service when one changes. Twice as many take 25 MiB of an agent, and
    /// 30 MiB more while it reads them, and 51 MiB of a controller (measured with 262 ports that have 1,000 addresses each).
    /// </summary>
    public const int MostBackends = 131_072;

    /// <summary>Most prefixes of load balancers that Services have workloads trust, each counted for each workload: every node is told of each.</summary>
    public const int MostTrustedPrefixes = 262_144;

    /// <summary>Most values in the conditions of the AuthorizationPolicies of a namespace; one policy has a quarter of it at most (<see cref="AuthorizationPolicyReader.MostValues"/>). Nodes compare each with each other's peers.</summary>
    public const int MostPolicyValues = 4 * AuthorizationPolicyReader.MostValues;

    /// <summary>Most of them in the mesh, but for those of the mesh's own namespace: controllers have each in memory.</summary>
    public const int MostPolicyValuesOfAll = 1_048_576;

    /// <summary>Most values in the conditions of the RateLimits of a namespace, where a rule counts as 64 more: nodes have a count for each rule and workload, and some have one for each value of a header.</summary>
    public const int MostRateLimitValues = 65_536;

    /// <summary>Most selectors of pods as peers in the NetworkPolicies of a namespace: each is compared with each pod.</summary>
    public const int MostPeerSelectors = 1024;

    /// <summary>Most of them in the mesh.</summary>
    public const int MostPeerSelectorsOfAll = 16_384;

    /// <summary>Most pods that such selectors mean, each counted for each selector, and a selector of several namespaces for one of them: 34 bytes in what every node is told, of 64 MiB at most.</summary>
    public const int MostMemberships = 524_288;

    public static NamespaceLimit<NetworkPolicyObject> PeerSelectors() => new(new(MostPeerSelectors, MostPeerSelectorsOfAll), p => NetworkPolicyCompiler.PeersOf(p).Count());

    public static NamespaceLimit<NetworkPolicyObject> Blocks() =>
        new(new(MostBlocks, long.MaxValue), p => p.Rules.SelectMany(r => r.Peers).Where(p => p.Block is not null).Sum(p => 1 + p.Except.Count));

    /// <summary>Most values in the RequestAuthentications of a namespace: nodes are told of each.</summary>
    public const int MostTokenValues = 4096;

    /// <summary>Most of them in the mesh.</summary>
    public const int MostTokenValuesOfAll = 65_536;

    public static NamespaceLimit<RequestAuthenticationObject> TokenValues() => new(new(MostTokenValues, MostTokenValuesOfAll), a => RequestAuthenticationReader.ValuesOf(a.Authentication));

    /// <summary>Most URLs of keys in the RequestAuthentications of a namespace: controllers read them again and again, 64 at once.</summary>
    public const int MostKeyUris = 128;

    /// <summary>Most of them in the mesh, but for those of the mesh's own namespace; one that several namespaces name counts for each.</summary>
    public const int MostKeyUrisOfAll = 8192;

    public static NamespaceLimit<RequestAuthenticationObject> KeyUris() =>
        new(new(MostKeyUris, MostKeyUrisOfAll), a => a.Meta.Namespace == Names.RootNamespace ? [] : a.KeyUris);

    /// <summary>Whoever may write policies of the mesh's own namespace answers for the mesh.</summary>
    public static NamespaceLimit<AuthorizationPolicyObject> PolicyValues() =>
        new(new(MostPolicyValues, MostPolicyValuesOfAll), p => p.Meta.Namespace == Names.RootNamespace ? 0 : AuthorizationPolicyReader.ValuesOf(p.Policy));

    public static NamespaceLimit<RateLimitObject> RateLimitValues() =>
        new(new(MostRateLimitValues, MostPolicyValuesOfAll), l => l.Meta.Namespace == Names.RootNamespace ? 0 : RateLimitReader.ValuesOf(l));

    /// <summary>Most positions of the expressions in the HTTPRoutes of a namespace, and in its GRPCRoutes (<see cref="ExpressionBudget"/>): a request may have to be compared with all of them, and nodes have each in memory.</summary>
    public const int MostExpressionPositions = 8 * ExpressionBudget.MostPositions;

    /// <summary>Most of them in the mesh: some 30 bytes each at every node that uses them, 160 at most.</summary>
    public const int MostExpressionPositionsOfAll = 262_144;

    public static NamespaceLimit<HttpRouteObject> ExpressionPositions() => new(new(MostExpressionPositions, MostExpressionPositionsOfAll), r => r.ExpressionPositions);

    public static NamespaceLimit<WorkloadObject> OpenPorts() => new(new(MostOpenPorts, MostOpenPortsOfAll), w => w.Meta.ExcludedPorts.Count * Math.Max(1, w.Addresses.Count));
}
