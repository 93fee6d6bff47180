using Culvert.Interop.Bpf;

namespace Culvert.NodeAgent.Datapath;

/// <summary>A program at an interface.</summary>
/// <param name="Interface">Its name.</param>
/// <param name="InterfaceIndex">Its index.</param>
/// <param name="Hook">Where, for people: <c>tcx ingress</c>, <c>clsact egress</c>, <c>xdp native</c> …</param>
/// <param name="Program">The program's name.</param>
/// <param name="ProgramId">The id that bpftool shows.</param>
/// <param name="Link">The pinned link; null where the kernel has none for the hook.</param>
internal sealed record Attachment(string Interface, int InterfaceIndex, string Hook, string Program, uint ProgramId, BpfLink? Link);
