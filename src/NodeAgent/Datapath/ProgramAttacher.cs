using Culvert.Interop;
using Culvert.Interop.Bpf;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Attaches programs to interfaces: by pinned TCX links where the kernel has them, otherwise as clsact filters. What a previous agent left is
/// taken over and its program replaced in place, so that there is never a moment without one. Not thread-safe: the reconciler's.
/// </summary>
internal sealed class ProgramAttacher(PinFolder pins, bool tcx, ILogger logger) : IDisposable
{
    private readonly Dictionary<(string Interface, TcDirection Direction), Attachment> _attached = [];

    /// <summary>What is attached now, ordered by interface.</summary>
    internal IReadOnlyList<Attachment> List() => [.. _attached.OrderBy(a => a.Key.Interface, StringComparer.Ordinal).ThenBy(a => a.Key.Direction).Select(a => a.Value)];

    /// <summary>Attaches or, when the interface was made anew under its old name, attaches again.</summary>
    internal void Attach(BpfProgram program, string @interface, int index, TcDirection direction)
    {
        if (_attached.TryGetValue((@interface, direction), out Attachment? present))
        {
            if (present.InterfaceIndex == index) return;
            Forget(direction, present);
        }
        BpfLink? link = null;
        if (tcx) link = AttachLink(program, @interface, index, direction);
        else TcFilter.Attach(program, index, direction);
        _attached[(@interface, direction)] = new Attachment(@interface, index, $"{(tcx ? "tcx" : "clsact")} {(direction == TcDirection.Ingress ? "ingress" : "egress")}", program.Name, program.Id, link);
        DatapathLog.Attached(logger, program.Name, @interface, tcx ? "TCX" : "clsact");
    }

    /// <summary>Detaches everything from interfaces that are not wanted any more.</summary>
    internal void KeepOnly(IReadOnlySet<string> interfaces)
    {
        foreach (((string name, TcDirection direction), Attachment gone) in _attached.Where(a => !interfaces.Contains(a.Key.Interface)).ToArray())
        {
            Forget(direction, gone);
            DatapathLog.Detached(logger, name);
        }
        RemoveStalePins(interfaces);
    }

    /// <summary>Lets go of the descriptors; pinned links and filters stay attached.</summary>
    public void Dispose()
    {
        foreach (Attachment attachment in _attached.Values) attachment.Link?.Dispose();
    }

    private static string PinName(string @interface, TcDirection direction) => $"{@interface}_{(direction == TcDirection.Ingress ? "in" : "out")}";

    private BpfLink AttachLink(BpfProgram program, string @interface, int index, TcDirection direction)
    {
        string pin = pins.Link(PinName(@interface, direction));
        if (File.Exists(pin))
        {
            BpfLink old = BpfLink.OpenPinned(pin);
            try
            {
                if (old.Info.InterfaceIndex == index)
                {
                    old.Update(program);
                    return old;
                }
            }
            catch (BpfException e) when (e.Errno == Errno.ENOLINK)
            {
                // The interface of that link is gone; a new one has its name.
            }
            old.Dispose();
            File.Delete(pin);
        }
        BpfLink link = BpfLink.AttachTcx(program, index, direction);
        link.Pin(pin);
        return link;
    }

    private void Forget(TcDirection direction, Attachment attachment)
    {
        _attached.Remove((attachment.Interface, direction));
        if (attachment.Link is { } link)
        {
            File.Delete(pins.Link(PinName(attachment.Interface, direction)));
            link.Detach();
            link.Dispose();
            return;
        }
        try
        {
            TcFilter.Detach(attachment.InterfaceIndex, direction);
        }
        catch (BpfException e) when (e.Errno == Errno.ENODEV)
        {
            // The filter went with its interface.
        }
    }

    // Pins of a previous agent for interfaces whose workload has gone meanwhile.
    private void RemoveStalePins(IReadOnlySet<string> interfaces)
    {
        foreach (string pin in Directory.GetFiles(pins.Links))
        {
            string name = Path.GetFileName(pin);
            if (name == SocketLookup.PinName) continue;
            if (interfaces.Contains(name[..name.LastIndexOf('_')])) continue;
            using (BpfLink link = BpfLink.OpenPinned(pin)) link.Detach();
            File.Delete(pin);
        }
    }
}
