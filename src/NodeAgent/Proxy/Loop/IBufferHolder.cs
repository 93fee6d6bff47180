namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>A connection whose bytes wait in buffers of a <see cref="BufferAccount"/>. On the loop's thread.</summary>
internal interface IBufferHolder
{
    /// <summary>Ends the connection, or drops the datagram, so that its buffers can be used by others: of those of its account it has waited longest.</summary>
    void GiveUp();

    /// <summary>Whether giving up costs it a datagram only: those pay before any connection does, and never have one end for them.</summary>
    bool LosesDatagrams => false;
}
