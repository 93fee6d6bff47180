namespace Culvert.NodeAgent.Identity;

/// <summary>The mesh's authority signs no tokens, and won't until the controller has another one.</summary>
/// <param name="reason">What the controller says of it.</param>
internal sealed class JwtsUnsupportedException(string reason) : Exception(reason);
