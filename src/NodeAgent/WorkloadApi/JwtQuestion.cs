using Culvert.Core;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>Which token is meant. Immutable.</summary>
/// <param name="Uid">The workload's.</param>
/// <param name="Identity">The workload's.</param>
/// <param name="Audience">For whom: names in order, each once, with NUL between them.</param>
internal sealed record JwtQuestion(string Uid, SpiffeId Identity, string Audience);
