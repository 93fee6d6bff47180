using Culvert.Core;
using Culvert.NodeAgent.Snapshots;

namespace Culvert.NodeAgent.Hosting;

/// <summary>Puts snapshots into force in an agent, one at a time, once there is what they are put into force in and until the agent is detached. Thread-safe.</summary>
/// <param name="join">Adds to a snapshot what the agent knows of its own; null: nothing.</param>
internal sealed class SnapshotApplier(Func<NodeSnapshot, NodeSnapshot>? join = null) : ISnapshotSink, IDisposable
{
    private readonly SemaphoreSlim _applying = new(0, 1);
    private volatile NodeSnapshot _told = new();
    private volatile TaskCompletionSource _change = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ISnapshotTarget? _target;
    private bool _detached;

    /// <summary>The snapshot in force as it was given; version 0 before the first.</summary>
    internal NodeSnapshot Told => _told;

    /// <summary>Completes when something has been put into force the next time.</summary>
    internal Task NextChange => _change.Task;

    /// <summary>Lets in what has been waiting since the applier was made, and all that comes from now on. To be called once.</summary>
    internal void Open(ISnapshotTarget target)
    {
        _target = target;
        _applying.Release();
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The agent was detached.</exception>
    public Task ApplyAsync(NodeSnapshot snapshot, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        return AloneAsync(
            target =>
            {
                if (_detached) throw new InvalidOperationException("this agent was detached: it puts nothing into force any more");
                Apply(target, snapshot);
                return true;
            },
            cancellationToken);
    }

    /// <summary>Puts the snapshot in force into force anew, with what the agent knows of its own by now.</summary>
    /// <param name="isNeeded">Whether that is still needed, asked when nothing else is on its way.</param>
    /// <param name="cancellationToken">Ends waiting for a snapshot that is on its way.</param>
    internal Task RejoinAsync(Func<bool> isNeeded, CancellationToken cancellationToken) => AloneAsync(
        target =>
        {
            if (_detached || _told.Version == 0 || !isNeeded()) return false;
            Apply(target, _told);
            return true;
        },
        cancellationToken);

    /// <summary>
    /// Puts the snapshot in force into force anew when the node's links are no longer those that it was applied to. Which snapshot that
    /// is gets decided with no other on its way, so that an older one never comes back.
    /// </summary>
    /// <param name="concerns">Whether this snapshot has to do with what changed: to look at all links is dear.</param>
    /// <param name="cancellationToken">Ends waiting for a snapshot that is on its way.</param>
    internal Task RefreshAsync(Predicate<NodeSnapshot> concerns, CancellationToken cancellationToken) => AloneAsync(target => !_detached && Refresh(target, concerns), cancellationToken);

    /// <summary>
    /// The same when a look at the node says that something has changed. It puts programs at links for a moment, and sends by them: no snapshot comes into force meanwhile, which would take them for those of others, and the
    /// agent is not taken out of the kernel.
    /// </summary>
    /// <param name="look">Looks; not asked once the agent was detached.</param>
    /// <param name="cancellationToken">Ends waiting for a snapshot that is on its way.</param>
    internal Task RefreshAfterAsync(Func<bool> look, CancellationToken cancellationToken) => AloneAsync(target => !_detached && look() && Refresh(target, _ => true), cancellationToken);

    /// <summary>Does something while nothing comes into force and the agent is not taken out of the kernel; not once it was.</summary>
    internal Task WhileIdleAsync(Action work, CancellationToken cancellationToken) => AloneAsync(
        _ =>
        {
            if (!_detached) work();
            return true;
        },
        cancellationToken);

    /// <summary>Takes the agent out of the kernel; after that no snapshot puts it back.</summary>
    /// <param name="detach">Takes it out. When this throws, snapshots go on being put into force.</param>
    /// <param name="cancellationToken">Ends waiting for a snapshot that is on its way.</param>
    /// <returns>What <paramref name="detach"/> returned.</returns>
    internal Task<T> DetachAsync<T>(Func<T> detach, CancellationToken cancellationToken) => AloneAsync(
        _ =>
        {
            T result = detach();
            _detached = true;
            return result;
        },
        cancellationToken);

    /// <summary>Puts nothing into force any more, after what is on its way: another agent does.</summary>
    internal Task EndAsync(CancellationToken cancellationToken) => AloneAsync(_ => _detached = true, cancellationToken);

    public void Dispose() => _applying.Dispose();

    private bool Refresh(ISnapshotTarget target, Predicate<NodeSnapshot> concerns)
    {
        if (target.InForce.Version == 0 || !concerns(target.InForce) || target.IsCurrent()) return false;
        Apply(target, _told);
        return true;
    }

    private void Apply(ISnapshotTarget target, NodeSnapshot told)
    {
        target.Apply(join?.Invoke(told) ?? told);
        _told = told;
        TaskCompletionSource change = _change;
        _change = new(TaskCreationOptions.RunContinuationsAsynchronously);
        change.SetResult();
    }

    private async Task<T> AloneAsync<T>(Func<ISnapshotTarget, T> step, CancellationToken cancellationToken)
    {
        await _applying.WaitAsync(cancellationToken);
        try
        {
            return step(_target!);
        }
        finally
        {
            _applying.Release();
        }
    }
}
