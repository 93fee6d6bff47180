namespace Culvert.NodeAgent.Telemetry.Requests;

/// <summary>A piece of text among those of a <see cref="RequestRecord"/>.</summary>
/// <param name="Start">Where it begins.</param>
/// <param name="Length">Its length; -1: there is none.</param>
internal readonly record struct NotedText(int Start, int Length)
{
    /// <summary>None.</summary>
    internal static NotedText None => new(0, -1);
}
