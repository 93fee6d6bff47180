using System.Net;
using Culvert.Hosting;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>One agent that runs. <see cref="AgentComposition"/> says what it is made of.</summary>
public sealed class AgentHost : IAsyncDisposable
{
    private readonly OwnedParts _parts;

    private readonly Func<Task> _settle;

    internal AgentHost(OwnedParts parts, IReadOnlyList<IPEndPoint> metrics, Task detached, Task<string> failed, Func<Task> settle) => (_parts, Metrics, Detached, Failed, _settle) = (parts, metrics, detached, failed, settle);

    /// <summary>Where metrics are served.</summary>
    public IReadOnlyList<IPEndPoint> Metrics { get; }

    /// <summary>Completes when somebody had the agent detach, after which it should end.</summary>
    public Task Detached { get; }

    /// <summary>Completes with the reason when the agent can't go on; it should end then, and be started anew.</summary>
    public Task<string> Failed { get; }

    /// <summary>
    /// Starts an agent: the snapshot of the last run is in force when this returns, when there is one; the controller is sought in the background. A start that fails leaves nothing open or attached but
    /// what an agent before it has left.
    /// </summary>
    /// <exception cref="AgentStartException">Something that the user can mend: privileges, a folder, a port, a file; or another agent holds the run folder.</exception>
    /// <exception cref="Interop.KernelException">The kernel refused something else; the message says what and why.</exception>
    public static Task<AgentHost> StartAsync(AgentOptions options, ILoggerFactory loggers, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggers);
        return OwnedParts.ComposeAsync(parts => AgentComposition.StartAsync(options, loggers, time, parts, cancellationToken));
    }

    /// <summary>To be awaited before it is stopped: an agent that takes the node over right now is to have it before.</summary>
    public Task SettleAsync() => _settle();

    /// <summary>
    /// Stops: lets proxied connections finish until the drain deadline. All goes on meanwhile, policy and new connections too, because there is no other agent yet to do it. What the kernel carries goes
    /// on afterwards; pins, rules and programs stay for the next agent.
    /// </summary>
    public ValueTask DisposeAsync() => _parts.DisposeAsync();
}
