namespace Culvert.NodeAgent.Proxy.Connections;

/// <summary>Numbers the connections and sessions of one loop, so that no number comes twice in this process. Belongs to the loop's thread.</summary>
/// <param name="loop">The loop's index.</param>
internal sealed class ConnectionIds(int loop)
{
    private long _last = (long)loop << 48;

    /// <summary>The next number.</summary>
    internal long Next() => ++_last;
}
