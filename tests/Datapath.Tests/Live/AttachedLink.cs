using Culvert.Interop.Bpf;

namespace Culvert.Datapath.Tests.Live;

/// <summary>
/// A link that lets its interface go when it is disposed: closing alone leaves it to the last of its descriptors, of which a program that is being started
/// elsewhere in this process may hold a copy until its exec.
/// </summary>
internal sealed class AttachedLink(BpfLink link) : IDisposable
{
    public void Dispose()
    {
        link.Detach();
        link.Dispose();
    }
}
