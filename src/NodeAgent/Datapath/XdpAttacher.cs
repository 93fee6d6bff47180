using System.Collections.Immutable;
using Culvert.Interop;
using Culvert.Interop.Bpf;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Attaches the XDP program to uplinks by pinned links: in the driver where it takes it, behind it else. What a previous agent left is taken
/// over. An uplink that takes neither goes without, which is logged once. The reconciler's; what is attached may be asked for by any thread.
/// </summary>
internal sealed class XdpAttacher(PinFolder pins, string @object, ILogger logger, bool checksum = false) : IDisposable
{
    private const string Suffix = "_xdp";
    private readonly HashSet<(string Interface, int Index)> _refused = [];
    private volatile ImmutableDictionary<string, Attachment> _attached = ImmutableDictionary<string, Attachment>.Empty;
    private XdpPrograms? _programs;
    private bool _unusable;

    /// <summary>What is attached now, ordered by interface.</summary>
    internal IReadOnlyList<Attachment> List() => [.. _attached.Values.OrderBy(a => a.Interface, StringComparer.Ordinal)];

    /// <summary>
    /// Detaches from all interfaces but these. Must come before the program at TC leaves an interface: alone, this one would send headers into pods.
    /// </summary>
    internal void KeepOnly(IReadOnlySet<string> interfaces)
    {
        foreach (string pin in Directory.GetFiles(pins.Links, "*" + Suffix))
        {
            string @interface = PinFolder.NameOf(pin)[..^Suffix.Length];
            if (interfaces.Contains(@interface)) continue;
            Detach(pin);
            if (_attached.TryGetValue(@interface, out Attachment? gone)) gone.Link?.Dispose();
            _attached = _attached.Remove(@interface);
            DatapathLog.Detached(logger, @interface);
        }
    }

    /// <summary>Attaches to an interface that has its program at TC already; nothing happens when it is attached.</summary>
    internal void Attach(LinkState uplink)
    {
        if (_attached.TryGetValue(uplink.Name, out Attachment? present))
        {
            if (present.InterfaceIndex == uplink.Index) return;
            _attached = _attached.Remove(uplink.Name);
            present.Link?.Dispose();
        }
        if (_refused.Contains((uplink.Name, uplink.Index)) || !TryLoad(uplink.Name)) return;
        string pin = pins.Link(uplink.Name + Suffix);
        if ((Adopt(pin, uplink) ?? Make(pin, uplink)) is not { } made) return;
        _attached = _attached.SetItem(uplink.Name, made);
        DatapathLog.Attached(logger, made.Program, uplink.Name, made.Hook);
    }

    /// <summary>Lets go of the descriptors; pinned links stay attached.</summary>
    public void Dispose()
    {
        foreach (Attachment attachment in _attached.Values) attachment.Link?.Dispose();
        _programs?.Dispose();
    }

    private void Detach(string pin)
    {
        using (BpfLink link = BpfLink.OpenPinned(pin)) link.Detach();
        pins.Unpin(pin);
    }

    private bool TryLoad(string @interface)
    {
        if (_programs is not null || _unusable) return _programs is not null;
        try
        {
            _programs = XdpPrograms.Load(@object, pins, checksum);
        }
        catch (BpfException e)
        {
            _unusable = true;
            DatapathLog.NoXdp(logger, @interface, e.Message);
        }
        return _programs is not null;
    }

    // The mode is the link's for its life; the program that was there says which it is.
    private Attachment? Adopt(string pin, LinkState uplink)
    {
        if (!File.Exists(pin)) return null;
        BpfLink old = BpfLink.OpenPinned(pin);
        try
        {
            BpfLinkInfo info = old.Info;
            if (info.InterfaceIndex == uplink.Index)
            {
                using BpfProgram before = BpfProgram.FromId(info.ProgramId);
                bool native = before.Name == XdpPrograms.NativeName;
                BpfProgram program = native ? _programs!.Native : _programs!.Generic;
                old.Update(program);
                return Describe(uplink, program, native, old);
            }
        }
        catch (BpfException e) when (e.Errno is Errno.ENOLINK or Errno.ENOENT)
        {
            // The interface of that link is gone; a new one has its name.
        }
        old.Dispose();
        pins.Unpin(pin);
        return null;
    }

    private Attachment? Make(string pin, LinkState uplink)
    {
        List<string> reasons = [];
        foreach (bool native in (bool[])[true, false])
        {
            BpfProgram program = native ? _programs!.Native : _programs!.Generic;
            try
            {
                BpfLink link = BpfLink.AttachXdp(program, uplink.Index, native ? XdpMode.Native : XdpMode.Generic);
                link.Pin(pin);
                return Describe(uplink, program, native, link);
            }
            catch (BpfException e)
            {
                reasons.Add(e.Message);
            }
        }
        _refused.Add((uplink.Name, uplink.Index));
        DatapathLog.NoXdp(logger, uplink.Name, string.Join("; ", reasons));
        return null;
    }

    private static Attachment Describe(LinkState uplink, BpfProgram program, bool native, BpfLink link) =>
        new(uplink.Name, uplink.Index, native ? "xdp native" : "xdp generic", program.Name, program.Id, link);
}
