namespace Culvert.Interop.Bpf;

/// <summary>One TCX program of an interface.</summary>
/// <param name="ProgramId">The program.</param>
/// <param name="LinkId">Its link; zero when it was attached without one.</param>
public readonly record struct TcxAttachment(uint ProgramId, uint LinkId);
