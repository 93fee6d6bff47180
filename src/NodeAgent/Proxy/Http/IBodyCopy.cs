using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Takes a copy of the body of a request or response while that passes. Called on its loop; must not throw, and never says no.</summary>
internal interface IBodyCopy
{
    /// <summary>Whether it takes nothing more.</summary>
    bool IsClosed { get; }

    /// <summary>A piece has passed.</summary>
    void Append(ReadOnlySpan<byte> data);

    /// <summary>The message is whole.</summary>
    /// <param name="trailers">Its trailers; null without.</param>
    void End(HeaderList? trailers);

    /// <summary>Nothing more will come: of a message that is not whole nothing is made.</summary>
    void Close();
}
