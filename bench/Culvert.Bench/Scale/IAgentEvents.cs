namespace Culvert.Bench.Scale;

/// <summary>What simulated agents tell. Called on any thread.</summary>
internal interface IAgentEvents
{
    /// <summary>Bytes have come in, those of TLS and HTTP/2 included.</summary>
    void Received(int bytes);

    /// <summary>A response was taken and acknowledged.</summary>
    void Acked(string node, ReceivedSnapshot response);

    /// <summary>A stream has ended, or did not begin; the agent tries again.</summary>
    void Failed(string node, string reason);
}
