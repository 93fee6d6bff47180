using Culvert.Interop;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath.Inside;

/// <summary>
/// The programs in one pod's network namespace: at the socket lookup and at both directions of its link, pinned, so that they go on without an agent. What a previous agent left is taken over and its
/// program replaced in place. Not thread-safe: the reconciler's.
/// </summary>
internal sealed class PodPrograms : IDisposable
{
    private const string Prefix = "inside_", Lookup = "lookup", Out = "egress", In = "ingress";
    private static readonly string[] Places = [Out, In, Lookup];

    private readonly BpfObject _object;
    private readonly PinFolder _pins;
    private readonly bool _tcx;
    private readonly NetworkNamespace _network;
    private readonly PodNamespace _pod;
    private readonly Dictionary<string, BpfLink> _links = [];

    private PodPrograms(BpfObject loaded, PinFolder pins, bool tcx, NetworkNamespace network, PodNamespace pod) => (_object, _pins, _tcx, _network, _pod) = (loaded, pins, tcx, network, pod);

    /// <summary>What is attached, for people.</summary>
    internal IReadOnlyList<Attachment> List { get; private set; } = [];

    /// <summary>Loads a pod's programs, which work by the maps of all others, and attaches the one at the socket lookup.</summary>
    /// <exception cref="BpfException">The kernel refused.</exception>
    internal static PodPrograms Load(string path, PinFolder pins, bool tcx, NetworkNamespace network, PodNamespace pod)
    {
        BpfObject loading = BpfObject.OpenFile(path);
        try
        {
            foreach (string map in loading.MapNames.Where(m => File.Exists(pins.Map(m)))) loading.ReuseMap(map, pins.Map(map));
            loading.SetConfig("cv_cfg_space", pod.Number);
            loading.Load();
            PodPrograms programs = new(loading, pins, tcx, network, pod);
            using BpfProgram lookup = loading.GetProgram("cv_pod_lookup");
            programs.Take(Lookup, link => link.NetworkNamespaceInode == pod.Inode, lookup, () => network.Run(() => BpfLink.AttachSocketLookup(lookup)));
            return programs;
        }
        catch
        {
            loading.Dispose();
            throw;
        }
    }

    /// <summary>Attaches the programs at the link, before those of others; does nothing where they are.</summary>
    /// <param name="overtaken">One of them that others ran before, as while no agent was there, and the first of these others, for people; null: they ran before none.</param>
    /// <returns>False when the link has gone.</returns>
    /// <exception cref="KernelException">The kernel refused for another reason.</exception>
    internal bool Attach(out (Attachment Ours, string Other)? overtaken)
    {
        overtaken = null;
        if (AreThere()) return true;
        overtaken = FindBefore();
        using BpfProgram sends = _object.GetProgram("cv_pod_out"), receives = _object.GetProgram("cv_pod_in");
        try
        {
            AttachBoth();
            string device = $"{_pod.Device} of {_network.Description}", kind = _tcx ? "tcx" : "clsact";
            List = [new(device, _pod.DeviceIndex, $"{kind} egress", sends.Name, sends.Id, null), new(device, _pod.DeviceIndex, $"{kind} ingress", receives.Name, receives.Id, null)];
            overtaken ??= FindBefore(); // what was taken over may have come to stand behind others
            AttachBoth();
            return true;
        }
        catch (BpfException e) when (e.Errno == Errno.ENODEV)
        {
            return false;
        }

        // What comes in first: an answer to what goes out must be known.
        void AttachBoth()
        {
            AttachAt(receives, In, TcDirection.Ingress);
            AttachAt(sends, Out, TcDirection.Egress);
        }
    }

    /// <summary>Whether both are at the link, and come first there. What can't be asked counts as in order.</summary>
    internal bool AreThere() => List.Count > 0 && List.All(a => IsFirst(a.ProgramId, DirectionOf(a)));

    /// <summary>What of others runs before one of these, for people; null: nothing, or these are not attached. What can't be asked counts as in order.</summary>
    private (Attachment Ours, string Other)? FindBefore()
    {
        try
        {
            foreach (Attachment ours in List)
            {
                if (First(DirectionOf(ours)) is { } first && first.ProgramId != ours.ProgramId) return (ours, first.Description);
            }
            return null;
        }
        catch (KernelException)
        {
            return null; // gone, or not to be asked now: the next look finds
        }
    }

    /// <summary>Detaches all of them.</summary>
    internal void Detach()
    {
        if (!_tcx) DetachFilters(_network, _pod.DeviceIndex);
        foreach ((string place, BpfLink link) in _links)
        {
            _pins.Unpin(PinOf(_pins, _pod.Number, place));
            link.Detach();
        }
        List = [];
    }

    /// <summary>Detaches what agents before this one left in namespaces of other numbers.</summary>
    internal static void DetachOthers(PinFolder pins, IReadOnlySet<ushort> kept)
    {
        foreach (string pin in Directory.GetFiles(pins.Links, $"{Prefix}*"))
        {
            if (PinFolder.NameOf(pin).Split('_') is [_, string number, string place] && Places.Contains(place) && ushort.TryParse(number, out ushort space) && kept.Contains(space)) continue;
            using (BpfLink link = BpfLink.OpenPinned(pin)) link.Detach();
            pins.Unpin(pin);
        }
    }

    /// <summary>Removes the filters by which the programs are attached on kernels without TCX.</summary>
    internal static void DetachFilters(NetworkNamespace network, int device) => network.Run(() =>
    {
        foreach (TcDirection direction in (TcDirection[])[TcDirection.Egress, TcDirection.Ingress])
        {
            try
            {
                TcFilter.Detach(device, direction);
            }
            catch (BpfException e) when (e.Errno == Errno.ENODEV)
            {
                return; // they went with their link
            }
        }
    });

    /// <summary>Lets go of the descriptors; what is pinned stays attached.</summary>
    public void Dispose()
    {
        foreach (BpfLink link in _links.Values) link.Dispose();
        _object.Dispose();
    }

    /// <summary>Whether programs of a number are pinned.</summary>
    internal static bool HasPins(PinFolder pins, ushort number) => Places.Any(p => File.Exists(PinOf(pins, number, p)));

    private static string PinOf(PinFolder pins, ushort number, string place) => pins.Link(FormattableString.Invariant($"{Prefix}{number}_{place}"));

    // One that is not the first any more is attached anew: the kernel moves none. One that is stays, and nothing passes it by.
    private void AttachAt(BpfProgram program, string place, TcDirection direction)
    {
        if (List.Count > 0 && IsFirst(program.Id, direction)) return;
        if (!_tcx)
        {
            _network.Run(() =>
            {
                if (List.Count > 0) TcFilter.Detach(_pod.DeviceIndex, direction);
                TcFilter.Attach(program, _pod.DeviceIndex, direction);
            });
            return;
        }
        if (_links.Remove(place, out BpfLink? present))
        {
            _pins.Unpin(PinOf(_pins, _pod.Number, place));
            present.Detach();
            present.Dispose();
        }
        Take(place, link => link.InterfaceIndex == _pod.DeviceIndex && link.Direction == direction, program, () => _network.Run(() => BpfLink.AttachTcx(program, _pod.DeviceIndex, direction)));
    }

    private void Take(string place, Func<BpfLinkInfo, bool> isSame, BpfProgram program, Func<BpfLink> attach)
    {
        string pin = PinOf(_pins, _pod.Number, place);
        if (File.Exists(pin))
        {
            BpfLink old = BpfLink.OpenPinned(pin);
            try
            {
                if (isSame(old.Info))
                {
                    old.Update(program);
                    _links[place] = old;
                    return;
                }
                old.Detach();
            }
            catch (BpfException e) when (e.Errno == Errno.ENOLINK)
            {
                // What it was attached to has gone.
            }
            old.Dispose();
            _pins.Unpin(pin);
        }
        BpfLink link = attach();
        try
        {
            link.Pin(pin);
            _links[place] = link;
        }
        catch
        {
            link.Dispose();
            throw;
        }
    }

    private bool IsFirst(uint program, TcDirection direction)
    {
        try
        {
            return First(direction)?.ProgramId == program;
        }
        catch (KernelException)
        {
            return true; // gone, or not to be asked now: the next look finds
        }
    }

    private FirstProgram? First(TcDirection direction) => _network.Run(() => FirstProgram.Find(_pod.DeviceIndex, direction, _tcx));

    private static TcDirection DirectionOf(Attachment attachment) => attachment.Hook.EndsWith("egress", StringComparison.Ordinal) ? TcDirection.Egress : TcDirection.Ingress;
}
