using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Culvert.Core;
using Culvert.Interop;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Options;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Model;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath.Inside;

/// <summary>
/// Captures pods inside their own network namespaces: brings there the proxy's listeners, the rules that deliver to them what is looped, and the programs; and takes them away again. Thread-safe;
/// <see cref="Find"/>, <see cref="IsInside"/> and <see cref="List"/> never wait.
/// </summary>
/// <param name="options">The agent's options.</param>
/// <param name="pins">Where links are pinned.</param>
/// <param name="maps">Where the programs find the listeners.</param>
/// <param name="numbers">Which namespace has which number.</param>
/// <param name="tcx">Whether the kernel has TCX.</param>
/// <param name="logger">The agent's log.</param>
internal sealed class PodCapture(AgentOptions options, PinFolder pins, DatapathMaps maps, SpaceNumbers numbers, bool tcx, ILogger logger) : IPodSpaces, IDisposable
{
    private readonly string _object = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(options.DatapathObject))!, "pod.bpf.o");
    private readonly Lock _lock = new();
    private readonly Dictionary<ushort, CapturedPod> _pods = [];
    private bool _isProxyReady;
    private volatile FrozenDictionary<string, PodSpace> _spaces = FrozenDictionary<string, PodSpace>.Empty;
    private volatile IReadOnlyList<Attachment> _attached = [];

    /// <summary>The proxy; set once, before anything is captured.</summary>
    internal ProxyServer? Proxy { get; set; }

    /// <summary>How often programs of others ran before one of these, which was put first again.</summary>
    internal long PutFirstCount { get; private set; }

    /// <inheritdoc/>
    public PodSpace? Find(WorkloadInfo workload) => _spaces.GetValueOrDefault(workload.Uid);

    /// <summary>Whether a workload is captured inside its namespace.</summary>
    internal bool IsInside(string uid) => _spaces.ContainsKey(uid);

    /// <summary>The namespace of the pod that has a number; null: none has.</summary>
    internal NetworkNamespace? NamespaceOf(ushort number) => _spaces.Values.FirstOrDefault(s => s.Number == number)?.Namespace;

    /// <summary>The inode number of the namespace that a workload is captured in, which is held open; null: it is captured in none.</summary>
    internal ulong? InodeOf(WorkloadInfo workload)
    {
        using Lock.Scope scope = _lock.EnterScope();
        return _pods.Values.FirstOrDefault(p => p.Space.Uid == workload.Uid && numbers.All.TryGetValue(p.Pod.Number, out SpaceOwner? owner) && GonePods.MayBe(owner.PodUid, workload.PodUid))?.Pod.Inode;
    }

    /// <summary>Whether programs of a workload are in its namespace, of this agent or one before it.</summary>
    internal bool Knows(string uid)
    {
        using Lock.Scope scope = _lock.EnterScope();
        return numbers.All.Values.Any(o => o.Workload == uid);
    }

    /// <summary>What is attached in all of them, for people.</summary>
    internal IReadOnlyList<Attachment> List() => _attached;

    /// <summary>Opens what a plan's pods need before anything is captured: listeners, rules, and the program that names the listeners. What is there stays.</summary>
    /// <returns>Numbers of the links, as endpoints have them, whose namespace has gone since it was looked at, or takes nothing.</returns>
    internal IReadOnlySet<int> Open(IEnumerable<LocalEndpoint> endpoints)
    {
        using Lock.Scope scope = _lock.EnterScope();
        HashSet<int> gone = [];
        foreach (LocalEndpoint endpoint in endpoints)
        {
            PodNamespace pod = endpoint.Inside!;
            // A workload whose namespace was made anew has another number now.
            CapturedPod? known = _pods.Values.FirstOrDefault(p => p.Space.Uid == endpoint.Workload.Uid);
            try
            {
                if (known?.Pod.Number == pod.Number && known.Pod.DeviceIndex == pod.DeviceIndex)
                {
                    UseFamilies(known, endpoint.Workload);
                    continue;
                }
                if (known is not null) Close(known);
                _pods[pod.Number] = OpenPod(endpoint);
            }
            catch (KernelException e)
            {
                InsideLog.NotOpened(logger, endpoint.Workload.Uid, e.Message);
                gone.Add(endpoint.Index);
            }
        }
        Publish();
        return gone;
    }

    /// <summary>Offers the proxy's listeners to, and attaches, the programs of a plan's pods, which <see cref="Open"/> has opened, and puts in front what is not first.</summary>
    /// <returns>Numbers of links that have gone.</returns>
    /// <exception cref="BpfException">The kernel refused for another reason.</exception>
    internal IReadOnlySet<int> Attach(IEnumerable<LocalEndpoint> endpoints)
    {
        using Lock.Scope scope = _lock.EnterScope();
        HashSet<int> gone = [];
        foreach (LocalEndpoint endpoint in endpoints)
        {
            if (!_pods.TryGetValue(endpoint.Inside!.Number, out CapturedPod? pod)) gone.Add(endpoint.Index);
            else if (!Serve(pod)) gone.Add(endpoint.Index);
        }
        Publish();
        return gone;
    }

    /// <summary>Offers the proxy's listeners to the programs, these and those of pods to come: called once, when the proxy has all that it needs to serve the first snapshot.</summary>
    internal void OfferProxy()
    {
        using Lock.Scope scope = _lock.EnterScope();
        _isProxyReady = true;
        foreach (CapturedPod pod in _pods.Values) Offer(pod);
    }

    /// <summary>Whether all programs are there and come first.</summary>
    internal bool AreFirst()
    {
        lock (_lock) return _pods.Values.All(p => p.Programs.AreThere());
    }

    /// <summary>
    /// Takes everything away from all pods but a plan's; also what a previous agent left. Those of workloads that are not found any more, and of pods that are gone from the cluster and run on, keep what they have,
    /// and the programs, which know no endpoint of theirs, refuse everything.
    /// </summary>
    /// <param name="endpoints">The plan's pods.</param>
    /// <param name="missing">Uids of workloads that are not found any more.</param>
    /// <param name="snapshot">Says which pods are gone; null: it does not matter which.</param>
    /// <returns>One line for each thing removed.</returns>
    internal IReadOnlyList<string> KeepOnly(IEnumerable<LocalEndpoint> endpoints, IReadOnlySet<string> missing, NodeSnapshot? snapshot)
    {
        using Lock.Scope scope = _lock.EnterScope();
        HashSet<ushort> kept = [.. endpoints.Select(e => e.Inside!.Number), .. numbers.All.Where(n => missing.Contains(n.Value.Workload) || (snapshot is not null && n.Value.IsOfGonePod(snapshot))).Select(n => n.Key)];
        List<string> removed = [];
        foreach (CapturedPod pod in _pods.Values.Where(p => !kept.Contains(p.Pod.Number)).ToArray())
        {
            try
            {
                string[] programs = [.. pod.Programs.List.Select(a => $"program {a.Program} at {a.Interface} ({a.Hook})")];
                pod.Programs.Detach();
                removed.AddRange(programs);
                removed.AddRange(Close(pod));
                InsideLog.Released(logger, pod.Space.Uid);
            }
            catch (KernelException e)
            {
                InsideLog.NotRemoved(logger, pod.Space.Uid, e.Message); // the others are released all the same
                kept.Add(pod.Pod.Number); // it is tried again
            }
        }
        PodPrograms.DetachOthers(pins, kept);
        foreach ((ushort number, SpaceOwner owner) in numbers.All.Where(n => !kept.Contains(n.Key)).ToArray())
        {
            if (!TryRemoveLeft(number, owner, removed)) kept.Add(number); // it is tried again
        }
        numbers.KeepOnly(kept);
        Publish();
        return removed;
    }

    /// <summary>Whether pods that are gone from the cluster have ended since they were kept.</summary>
    internal bool AreLeft(IReadOnlySet<string> missing, NodeSnapshot snapshot)
    {
        using Lock.Scope scope = _lock.EnterScope();
        return numbers.All.Values.Any(o => !missing.Contains(o.Workload) && GonePods.IsGone(snapshot, o.Workload, o.PodUid) && !o.IsOfGonePod(snapshot));
    }

    /// <summary>Puts back what others have removed of the rules in pods' namespaces.</summary>
    /// <returns>One line for each thing made.</returns>
    internal IReadOnlyList<string> EnsureRoutes()
    {
        using Lock.Scope scope = _lock.EnterScope();
        List<string> made = [];
        foreach (CapturedPod pod in _pods.Values)
        {
            try
            {
                made.AddRange(pod.Routes.Ensure());
            }
            catch (KernelException e)
            {
                InsideLog.RoutesNotKept(logger, pod.Space.Uid, e.Message); // the others' are kept all the same
            }
        }
        return made;
    }

    /// <summary>Lets go of everything; programs and rules stay.</summary>
    public void Dispose()
    {
        using Lock.Scope scope = _lock.EnterScope();
        foreach (CapturedPod pod in _pods.Values) pod.Dispose();
        _pods.Clear();
        _spaces = FrozenDictionary<string, PodSpace>.Empty;
    }

    private CapturedPod OpenPod(LocalEndpoint endpoint)
    {
        PodNamespace pod = endpoint.Inside!;
        NetworkNamespace network = NetworkNamespace.OpenPath(pod.Path);
        PodPrograms? programs = null;
        PodSpace? space = null;
        try
        {
            if (network.Inode != pod.Inode) throw new KernelException($"open the network namespace of {endpoint.Workload.Uid}: it is another one by now", Errno.ENOENT);
            PodRoutes routes = new(options, network, FamiliesOf(endpoint.Workload));
            routes.Ensure();
            programs = PodPrograms.Load(_object, pins, tcx, network, pod);
            space = new PodSpace(pod.Number, network, endpoint.Workload.Uid);
            SpaceListeners listeners = Proxy!.OpenSpace(space);
            InsideLog.Opened(logger, endpoint.Workload.Uid, pod.Path, pod.Device, pod.Number, pod.Reason);
            return new CapturedPod(pod, space, programs, listeners) { Routes = routes };
        }
        catch
        {
            if (space is not null) Proxy!.CloseSpaceAsync(space).GetAwaiter().GetResult();
            programs?.Dispose();
            network.Dispose();
            throw;
        }
    }

    // A workload may get an address of the other family.
    private void UseFamilies(CapturedPod pod, WorkloadInfo workload)
    {
        ImmutableArray<AddressFamily> families = FamiliesOf(workload);
        if (pod.Routes.Families.ToHashSet().SetEquals(families)) return;
        pod.Routes = new PodRoutes(options, pod.Space.Namespace, families);
        pod.Routes.Ensure();
    }

    private static ImmutableArray<AddressFamily> FamiliesOf(WorkloadInfo workload) => [.. workload.Addresses.Select(a => a.AddressFamily).Distinct()];

    // Slots of a proxy that has ended are empty by themselves.
    private void Offer(CapturedPod pod)
    {
        if (pod.IsOffered) return;
        SpaceListeners listeners = pod.Listeners;
        foreach ((IReadOnlyList<ProxyListener> kind, CvListenerKind four, CvListenerKind six) in
            new[] { (listeners.Outbound, CvListenerKind.Out4, CvListenerKind.Out6), (listeners.Tunnels, CvListenerKind.Tunnel4, CvListenerKind.Tunnel6), (listeners.Plain, CvListenerKind.Plain4, CvListenerKind.Plain6) })
        {
            foreach (ProxyListener listener in kind)
            {
                CvInsideListenerKey key = new() { Space = pod.Pod.Number, Kind = (byte)(listener.Local.IsIPv4 ? four : six), Slot = (byte)listener.Loop };
                maps.InsideSock.SetDescriptor(MemoryMarshal.AsBytes(new ReadOnlySpan<CvInsideListenerKey>(in key)), listener.Handle);
            }
        }
        pod.IsOffered = true;
    }

    // The proxy is offered once it knows the snapshot that the pod is in: it would refuse what comes before. Until then the programs drop it, if those of an agent before are there, and TCP sends its SYN again.
    private bool Serve(CapturedPod pod)
    {
        if (_isProxyReady) Offer(pod);
        if (pod.Programs.AreThere()) return true;
        if (!pod.Programs.Attach(out (Attachment Ours, string Other)? overtaken)) return false;
        if (overtaken is var (ours, other))
        {
            PutFirstCount++;
            DatapathLog.PutFirst(logger, other, ours.Program, ours.Interface, ours.Hook);
            return true;
        }
        InsideLog.Attached(logger, pod.Space.Uid, pod.Pod.Device, tcx ? "TCX" : "clsact");
        return true;
    }

    private IReadOnlyList<string> Close(CapturedPod pod)
    {
        _pods.Remove(pod.Pod.Number);
        Proxy!.CloseSpaceAsync(pod.Space).GetAwaiter().GetResult();
        try
        {
            return IsUsed(pod.Pod.Inode) ? [] : pod.Routes.Remove();
        }
        finally
        {
            pod.Dispose();
        }
    }

    // A workload may have taken over the namespace of one that has left, as when it was only given another name.
    private bool IsUsed(ulong inode) => _pods.Values.Any(p => p.Pod.Inode == inode);

    // What an agent before this one has left.
    private bool TryRemoveLeft(ushort number, SpaceOwner owner, List<string> removed)
    {
        if (_pods.ContainsKey(number) || IsUsed(owner.Inode)) return true;
        try
        {
            removed.AddRange(InsideRemoval.Remove(options, owner));
            return true;
        }
        catch (KernelException e)
        {
            InsideLog.NotRemoved(logger, owner.Workload, e.Message);
            return false;
        }
    }

    private void Publish()
    {
        _spaces = _pods.Values.ToFrozenDictionary(p => p.Space.Uid, p => p.Space, StringComparer.Ordinal);
        _attached = [.. _pods.Values.SelectMany(p => p.Programs.List)];
    }

    private sealed record CapturedPod(PodNamespace Pod, PodSpace Space, PodPrograms Programs, SpaceListeners Listeners) : IDisposable
    {
        internal required PodRoutes Routes { get; set; }

        internal bool IsOffered { get; set; }

        public void Dispose()
        {
            Programs.Dispose();
            Space.Namespace.Dispose();
        }
    }
}
