namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>What the responses that are kept had to do with a request. As labels of metrics and in the access log.</summary>
internal enum CacheResult
{
    /// <summary>Nothing: none are kept at its destination, or for its path or method.</summary>
    None,

    /// <summary>It was answered with one, and the application not asked.</summary>
    Hit,

    /// <summary>There was none that could answer it.</summary>
    Miss,

    /// <summary>It was answered with one of which the application said that it is still the same.</summary>
    Revalidated,

    /// <summary>The application said of one that there is another now, or does not answer, or the request was to ask it.</summary>
    Stale,

    /// <summary>By what it asks for it is the application's to answer, whatever is kept.</summary>
    Bypass,
}
