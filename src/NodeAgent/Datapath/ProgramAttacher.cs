using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Culvert.Interop;
using Culvert.Interop.Bpf;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Attaches programs to interfaces: by pinned TCX links where the kernel has them, otherwise as clsact filters. What a previous agent left is
/// taken over and its program replaced in place, so that there is never a moment without one. Ours come first: one before them could let in what they refuse. The reconciler's; what is attached may be asked for by any thread.
/// </summary>
internal sealed class ProgramAttacher(PinFolder pins, bool tcx, ILogger logger) : IDisposable
{
    private const string In = "_in", Out = "_out";
    private volatile ImmutableDictionary<(string Interface, TcDirection Direction), Attachment> _attached = ImmutableDictionary<(string Interface, TcDirection Direction), Attachment>.Empty;

    /// <summary>How often one was put in front of another's again.</summary>
    internal long PutFirstCount { get; private set; }

    /// <summary>What is attached now, ordered by interface.</summary>
    internal IReadOnlyList<Attachment> List() => [.. _attached.OrderBy(a => a.Key.Interface, StringComparer.Ordinal).ThenBy(a => a.Key.Direction).Select(a => a.Value)];

    /// <summary>Whether every program of ours is there and the first at its place. What can't be asked counts as in order.</summary>
    internal bool AreFirst() => _attached.All(a => FindBefore(a.Value, a.Key.Direction) is null);

    /// <summary>Attaches a program, also where the interface was made anew under its old name, has another program, or one of others runs before it.</summary>
    /// <returns>False when the interface is gone, and nothing is attached.</returns>
    /// <exception cref="BpfException">The kernel refused for another reason.</exception>
    internal bool Attach(BpfProgram program, string @interface, int index, TcDirection direction)
    {
        if (_attached.TryGetValue((@interface, direction), out Attachment? present))
        {
            if (present.InterfaceIndex == index && present.ProgramId == program.Id) return FindBefore(present, direction) is not { } other || PutFirst(program, direction, present, other);
            if (present.InterfaceIndex != index) Forget(direction, present);
            _attached = _attached.Remove((@interface, direction));
            present.Link?.Dispose(); // of the same interface: its pin is adopted
        }
        if (!TryAttach(program, @interface, index, direction, out Attachment? attached)) return false;
        DatapathLog.Attached(logger, program.Name, @interface, tcx ? "TCX" : "clsact");
        // One that was adopted keeps its place.
        return FindBefore(attached, direction) is not { } before || PutFirst(program, direction, attached, before);
    }

    /// <summary>Detaches everything but what is wanted, also what a previous agent left.</summary>
    internal void KeepOnly(IReadOnlySet<(string Interface, TcDirection Direction)> wanted)
    {
        foreach (((string name, TcDirection direction), Attachment gone) in _attached.Where(a => !wanted.Contains(a.Key)).ToArray())
        {
            Forget(direction, gone);
            DatapathLog.Detached(logger, name);
        }
        HashSet<string> kept = [.. wanted.Select(w => PinName(w.Interface, w.Direction))];
        foreach (string pin in Directory.GetFiles(pins.Links).Where(IsOurs))
        {
            if (kept.Contains(PinFolder.NameOf(pin))) continue;
            using (BpfLink link = BpfLink.OpenPinned(pin)) link.Detach();
            pins.Unpin(pin);
        }
    }

    /// <summary>Lets go of the descriptors; pinned links and filters stay attached.</summary>
    public void Dispose()
    {
        foreach (Attachment attachment in _attached.Values) attachment.Link?.Dispose();
    }

    private bool TryAttach(BpfProgram program, string @interface, int index, TcDirection direction, [NotNullWhen(true)] out Attachment? attached)
    {
        attached = null;
        BpfLink? link = null;
        try
        {
            if (tcx) link = AttachLink(program, @interface, index, direction);
            else TcFilter.Attach(program, index, direction);
            if (!tcx) TcFilter.Detach(index, direction, priority: TcFilter.FormerPriority);
        }
        catch (BpfException e) when (e.Errno == Errno.ENODEV)
        {
            return false;
        }
        attached = new Attachment(@interface, index, $"{(tcx ? "tcx" : "clsact")} {(direction == TcDirection.Ingress ? "ingress" : "egress")}", program.Name, program.Id, link);
        _attached = _attached.SetItem((@interface, direction), attached);
        return true;
    }

    // The kernel moves none: it is attached anew. What passes for a moment without it met the other one first before.
    private bool PutFirst(BpfProgram program, TcDirection direction, Attachment present, string other)
    {
        Forget(direction, present);
        if (!TryAttach(program, present.Interface, present.InterfaceIndex, direction, out _)) return false;
        PutFirstCount++;
        DatapathLog.PutFirst(logger, other, program.Name, present.Interface, present.Hook);
        return true;
    }

    // What runs before a program of ours, for people.
    private string? FindBefore(Attachment attachment, TcDirection direction)
    {
        try
        {
            return FirstProgram.Find(attachment.InterfaceIndex, direction, tcx) is { } first && first.ProgramId != attachment.ProgramId ? first.Description : null;
        }
        catch (KernelException)
        {
            return null; // gone, as others will find
        }
    }

    private static string PinName(string @interface, TcDirection direction) => $"{@interface}{(direction == TcDirection.Ingress ? In : Out)}";

    private static bool IsOurs(string pin) => pin.EndsWith(In, StringComparison.Ordinal) || pin.EndsWith(Out, StringComparison.Ordinal);

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
            pins.Unpin(pin);
        }
        BpfLink link = BpfLink.AttachTcx(program, index, direction);
        try
        {
            link.Pin(pin);
            return link;
        }
        catch
        {
            link.Dispose();
            throw;
        }
    }

    private void Forget(TcDirection direction, Attachment attachment)
    {
        _attached = _attached.Remove((attachment.Interface, direction));
        if (attachment.Link is { } link)
        {
            link.Detach();
            link.Dispose();
            pins.Unpin(pins.Link(PinName(attachment.Interface, direction)));
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
}
