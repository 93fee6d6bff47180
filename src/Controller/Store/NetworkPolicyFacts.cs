using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>What is there of what a NetworkPolicy names.</summary>
/// <param name="SelectsSome">Whether it selects a workload.</param>
/// <param name="AreSome">Whether a peer is some workload.</param>
/// <param name="SelectedHave">Whether a workload that it selects has a port of a name.</param>
/// <param name="SomeHave">Whether any workload has a port of a name.</param>
/// <param name="IsService">Whether a block is an address of a Service.</param>
internal sealed record NetworkPolicyFacts(bool SelectsSome, Predicate<PodSelector> AreSome, Predicate<PortName> SelectedHave, Predicate<PortName> SomeHave, Predicate<IpPrefix> IsService);
