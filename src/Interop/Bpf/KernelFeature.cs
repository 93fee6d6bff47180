namespace Culvert.Interop.Bpf;

/// <summary>One thing Culvert needs or makes use of, and whether this machine has it.</summary>
/// <param name="Name">Short and stable, for example "tcx".</param>
/// <param name="Present">Whether it is there.</param>
/// <param name="Detail">What was seen, or why not, for people.</param>
public sealed record KernelFeature(string Name, bool Present, string Detail);
