using System.Collections.Concurrent;
using Culvert.Core;
using Culvert.NodeAgent.Identity;

namespace Culvert.NodeAgent.Tests.WorkloadApi;

/// <summary>A store whose certificates a test says.</summary>
internal sealed class HeldSvids : ISvidStore
{
    private readonly ConcurrentDictionary<SpiffeId, Svid> _held = [];

    public event Action<Svid>? Changed;

    public event Action<SpiffeId>? Withdrawn;

    public string Source => "test";

    internal void Hold(Svid svid)
    {
        _held[svid.Id] = svid;
        Changed?.Invoke(svid);
    }

    internal void Lose(SpiffeId id)
    {
        _held.TryRemove(id, out _);
        Withdrawn?.Invoke(id);
    }

    public Svid? Find(SpiffeId id) => _held.GetValueOrDefault(id);

    public IReadOnlyList<SvidState> List() => [.. _held.Values.Select(s => new SvidState(s.Id, s, null, null))];

    public void Want(IReadOnlyDictionary<SpiffeId, string> wanted)
    {
        // The test says.
    }

    public void Revoke(RevokedCredentials revoked)
    {
        // As above.
    }

    public Task<Rotation> RotateAsync(SpiffeId id, CancellationToken deadline) => Task.FromResult(new Rotation(null, null, "not here"));

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
