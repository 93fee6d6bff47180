using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Puts generations into force: writes one completely, flips the control word, deletes the one before. The programs see one or the other, never
/// a mixture. Not thread-safe: the reconciler's.
/// </summary>
internal sealed class GenerationWriter(DatapathMaps maps)
{
    private const uint ControlKey = 0;
    private Generation? _written;

    /// <summary>The generation in force, as the kernel says; 0: none.</summary>
    internal uint Current => ReadControl().Generation;

    /// <summary>
    /// Writes and flips. When a map is full nothing changes: what was written is taken back and the exception names the map.
    /// </summary>
    /// <exception cref="BpfException">A map took no more entries.</exception>
    internal void Apply(Generation next)
    {
        uint before = Current;
        try
        {
            maps.Backend.SetMany(next.Backends.Keys, next.Backends.Values);
            maps.Service.SetMany(next.Services.Keys, next.Services.Values);
            maps.Policy.SetMany(next.Policies.Keys, next.Policies.Values);
            maps.Address.SetMany(next.Addresses.Keys, next.Addresses.Values);
            maps.Endpoint.SetMany(next.Endpoints.Keys, next.Endpoints.Values);
        }
        catch (BpfException)
        {
            Delete(generation => generation == next.Number);
            throw;
        }
        CvControl control = ReadControl();
        control.Generation = next.Number;
        maps.Control.Set(ControlKey, control);
        if (_written is { } old && old.Number == before) Delete(old);
        else Delete(generation => generation != next.Number);
        _written = next;
    }

    /// <summary>Says how many listeners of each <see cref="CvListenerKind"/> are in the sockmap, from slot 0 of the kind on.</summary>
    internal void SetListeners(ReadOnlySpan<uint> counts)
    {
        CvControl control = ReadControl();
        counts.CopyTo(control.Listeners);
        maps.Control.Set(ControlKey, control);
    }

    private CvControl ReadControl() => maps.Control.TryGet(ControlKey, out CvControl control) ? control : default;

    private void Delete(Generation old)
    {
        maps.Endpoint.DeleteMany(old.Endpoints.Keys);
        maps.Address.DeleteMany(old.Addresses.Keys);
        maps.Policy.DeleteMany(old.Policies.Keys);
        maps.Service.DeleteMany(old.Services.Keys);
        maps.Backend.DeleteMany(old.Backends.Keys);
    }

    // Also removes what an agent that was killed between writing and flipping left behind.
    private void Delete(Predicate<uint> match)
    {
        DeleteWhere(maps.Endpoint, k => match(k.Generation));
        DeleteWhere(maps.Address, k => match(k.Generation));
        DeleteWhere(maps.Policy, k => match(k.Generation));
        DeleteWhere(maps.Service, k => match(k.Generation));
        DeleteWhere(maps.Backend, k => match(k.Generation));
    }

    private static void DeleteWhere<TKey, TValue>(BpfMap<TKey, TValue> map, Predicate<TKey> match)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        TKey[] doomed = [.. map.Keys().Where(k => match(k))];
        foreach (TKey key in doomed) map.Delete(key);
    }
}
