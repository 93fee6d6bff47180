namespace Culvert.Bench.Load;

/// <summary>How h2load loads its target.</summary>
/// <param name="Connections">Connections at once.</param>
/// <param name="Streams">Requests at once on each of them.</param>
/// <param name="Path">What is asked for.</param>
/// <param name="AnswerBytes">How long the body of an answer is.</param>
internal sealed record H2LoadShape(int Connections, int Streams, string Path, int AnswerBytes)
{
    /// <summary>What each request posts; null for requests without a body.</summary>
    public byte[]? Body { get; init; }

    /// <summary>Fields of each request.</summary>
    public IReadOnlyList<string> Headers { get; init; } = [];
}
