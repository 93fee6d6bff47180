using Culvert.Http1;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>A request and its response, as far as they have come; reused by the next. Belongs to its loop's thread.</summary>
internal sealed class HttpExchange
{
    /// <summary>The request's head.</summary>
    internal Http1Head Request { get; } = new();

    /// <summary>The response's head: the last that was read.</summary>
    internal Http1Head Response { get; set; } = new();

    /// <summary>Whether a request has begun whose response is not whole.</summary>
    internal bool IsOpen { get; private set; }

    /// <summary>Whether the request has been passed on, whole.</summary>
    internal bool IsRequestWhole { get; set; }

    /// <summary>Whether something of a response has been passed on that is not an interim one.</summary>
    internal bool HasResponse { get; set; }

    /// <summary>The status of that response.</summary>
    internal int Status { get; set; }

    /// <summary>Whether the client has been told to send the body that it waits with.</summary>
    internal bool IsContinued { get; set; }

    /// <summary>Whether the client waits with a body that it has not been asked for: whether that still comes, nobody knows.</summary>
    internal bool IsBodyUnasked => Request.ExpectsContinue && !IsContinued && !IsRequestWhole;

    /// <summary>Interim responses so far.</summary>
    internal int InterimCount { get; set; }

    /// <summary>Whether the connection can't be used for another.</summary>
    internal bool IsLast { get; set; }

    /// <summary>How many have begun on this connection.</summary>
    internal long Count { get; private set; }

    /// <summary>Whether the response will have no body, as its request asks.</summary>
    internal bool IsHead { get; private set; }

    /// <summary>When it began; a timestamp of the connection's clock.</summary>
    internal long Began { get; private set; }

    /// <summary>A request has come.</summary>
    /// <param name="now">When.</param>
    internal void Begin(long now)
    {
        Began = now;
        Count++;
        (IsOpen, IsRequestWhole, HasResponse, IsContinued, InterimCount) = (true, false, false, false, 0);
        IsHead = Request.Fields.Method.SequenceEqual("HEAD"u8);
        IsLast = !Request.IsKeptAlive;
    }

    /// <summary>Its request is to be sent again: nothing of a response has been passed on.</summary>
    internal void BeginAgain()
    {
        (IsRequestWhole, IsContinued, InterimCount) = (false, false, 0);
        IsLast = !Request.IsKeptAlive;
    }

    /// <summary>Its response is whole.</summary>
    internal void End() => IsOpen = false;
}
