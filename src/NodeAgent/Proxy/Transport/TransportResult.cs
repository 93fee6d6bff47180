namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>The outcome of one call to a transport. Expected failures are values, not exceptions.</summary>
/// <param name="Status">What came of it.</param>
/// <param name="Count">Bytes that were moved, 0 or more.</param>
internal readonly record struct TransportResult(TransportStatus Status, int Count = 0)
{
    /// <summary>Whether the direction has ended or the transport is broken.</summary>
    internal bool IsOver => Status is TransportStatus.Ended or TransportStatus.Failed;
}
