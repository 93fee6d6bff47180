using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Puts generations into force in steps: <see cref="Write"/> it completely, <see cref="Activate"/> it by one word, and when all that belongs to
/// it is done, <see cref="Finish"/> by deleting the one before, or else <see cref="Revert"/> to that. The programs see one or the other, never
/// a mixture. The reconciler's, and not thread-safe, but for <see cref="SetDirect"/>.
/// </summary>
internal sealed class GenerationWriter(DatapathMaps maps, ILogger logger)
{
    private const uint ControlKey = 0;
    private readonly Lock _control = new();
    private Generation? _inForce;
    private Generation? _next;
    private uint _before;

    // An agent that was killed in the midst may have left entries of any generation.
    private bool _mayHaveRemains = true;

    /// <summary>The generation in force, as the kernel says; 0: none.</summary>
    internal uint Current => ReadControl().Generation;

    /// <summary>Entries of the flow table.</summary>
    internal uint FlowEntries { get; } = maps.Flow.Info.MaxEntries;

    /// <summary>How many entries of policy a generation may have.</summary>
    internal int MostPolicies { get; } = (int)(maps.Policy.Info.MaxEntries / 2);

    /// <summary>How many slots the backends of a generation may have.</summary>
    internal int MostSlots { get; } = (int)(maps.Backend.Info.MaxEntries / 2);

    /// <summary>How the flow table is shared out, from the next <see cref="Activate"/> on. Each endpoint says itself what its pod may have.</summary>
    internal FlowShares Shares { get; set; }

    /// <summary>
    /// Writes a generation that is not in force yet. When it does not fit nothing changes: what was written is taken back and the exception names the map.
    /// </summary>
    /// <exception cref="GenerationTooLargeException">It would leave no room beside it for the one that comes after it.</exception>
    /// <exception cref="BpfException">A map took no more entries.</exception>
    internal void Write(Generation next)
    {
        CheckRoom(next.Size);
        _before = Current;
        if (_mayHaveRemains) DeleteAllBut(_before);
        _mayHaveRemains = true;
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
            DeleteAllBut(_before);
            throw;
        }
        _next = next;
    }

    /// <summary>Puts what was written into force. The generation before stays for <see cref="Revert"/>.</summary>
    internal void Activate() => Flip(Written.Number);

    /// <summary>Deletes the generation before. What can't be deleted, which is logged, is deleted with the next change.</summary>
    internal void Finish()
    {
        Generation next = Written;
        try
        {
            if (_inForce is { } old && old.Number == _before) Delete(old);
            else DeleteAllBut(next.Number);
            _mayHaveRemains = false;
        }
        catch (BpfException e)
        {
            GenerationWriterLog.NotDeleted(logger, e.Message);
        }
        (_inForce, _next) = (next, null);
    }

    /// <summary>Puts the generation before the written one into force again and deletes the written one, now or with the next change.</summary>
    internal void Revert()
    {
        Generation next = Written;
        if (Current != _before) Flip(_before);
        _next = null;
        try
        {
            Delete(next);
            _mayHaveRemains = false;
        }
        catch (BpfException e)
        {
            GenerationWriterLog.NotDeleted(logger, e.Message);
        }
    }

    /// <summary>Says how many listeners of each <see cref="CvListenerKind"/> are in the sockmap, from slot 0 of the kind on.</summary>
    internal void SetListeners(ReadOnlySpan<uint> counts)
    {
        lock (_control)
        {
            CvControl control = ReadControl();
            counts.CopyTo(control.Listeners);
            maps.Control.Set(ControlKey, control);
        }
    }

    /// <summary>Says which path direct flows take that begin from now on.</summary>
    internal void SetDirect(CvDirect direct)
    {
        lock (_control)
        {
            CvControl control = ReadControl();
            control.Direct = (uint)direct;
            maps.Control.Set(ControlKey, control);
        }
    }

    // The generation before stays until the change is made: one that takes more than half of a map could never be changed again.
    private void CheckRoom(GenerationSize size)
    {
        Check("cv_endpoint", size.Endpoints, maps.Endpoint.Info);
        Check("cv_address", size.Addresses, maps.Address.Info);
        Check("cv_policy", size.Policies, maps.Policy.Info);
        Check("cv_service", size.Services, maps.Service.Info);
        Check("cv_backend", size.Backends, maps.Backend.Info);

        static void Check(string map, int entries, BpfMapInfo info)
        {
            if (entries > info.MaxEntries / 2) throw new GenerationTooLargeException(map, entries, info.MaxEntries / 2);
        }
    }

    private Generation Written => _next ?? throw new InvalidOperationException("no generation is written");

    private CvControl ReadControl() => maps.Control.TryGet(ControlKey, out CvControl control) ? control : default;

    private void Flip(uint generation)
    {
        lock (_control)
        {
            CvControl control = ReadControl();
            control.Generation = generation;
            control.MaxExternal = Shares.External;
            maps.FairShare.Set(ControlKey, Shares.Fair);
            maps.Control.Set(ControlKey, control);
        }
    }

    private void Delete(Generation old)
    {
        maps.Endpoint.DeleteMany(old.Endpoints.Keys);
        maps.Address.DeleteMany(old.Addresses.Keys);
        maps.Policy.DeleteMany(old.Policies.Keys);
        maps.Service.DeleteMany(old.Services.Keys);
        maps.Backend.DeleteMany(old.Backends.Keys);
    }

    private void DeleteAllBut(uint kept)
    {
        DeleteWhere(maps.Endpoint, k => k.Generation != kept);
        DeleteWhere(maps.Address, k => k.Generation != kept);
        DeleteWhere(maps.Policy, k => k.Generation != kept);
        DeleteWhere(maps.Service, k => k.Generation != kept);
        DeleteWhere(maps.Backend, k => k.Generation != kept);
        _mayHaveRemains = false;
    }

    private static void DeleteWhere<TKey, TValue>(BpfMap<TKey, TValue> map, Predicate<TKey> match)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        TKey[] doomed = [.. map.Keys().Where(k => match(k))];
        foreach (TKey key in doomed) map.Delete(key);
    }
}

internal static partial class GenerationWriterLog
{
    [LoggerMessage(EventId = LogEventIds.NotDeleted, Level = LogLevel.Warning, Message = "a generation that is not in force was not deleted, it will be with the next change: {Reason}")]
    internal static partial void NotDeleted(ILogger logger, string reason);
}
