namespace Culvert.Http1;

/// <summary>What has become of the bytes that chunks were looked for in.</summary>
/// <param name="Consumed">How many are done with, those of <see cref="Data"/> included; all that is not, is needed again.</param>
/// <param name="Data">Where content is among them; empty when there is none.</param>
/// <param name="IsEnd">Whether the body and its trailers have ended.</param>
/// <param name="Refusal">Why it is not taken; null when it is.</param>
public readonly record struct ChunkResult(int Consumed, Range Data, bool IsEnd, MessageRefusal? Refusal);
