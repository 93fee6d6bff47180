using Grpc.Core;

namespace Culvert.NodeAgent.Identity.Spire;

/// <summary>A connection to a SPIRE agent that has let this process in.</summary>
/// <param name="Invoker">Calls on it.</param>
/// <param name="Ended">Cancelled when it is over.</param>
internal sealed record SpireAgentSession(CallInvoker Invoker, CancellationToken Ended);
