namespace Culvert.NodeAgent.Proxy.Http.Caching;

/// <summary>How a request goes on whose answer may be kept.</summary>
internal enum CacheStep
{
    /// <summary>To the application, as it is.</summary>
    PassOn,

    /// <summary>To the application, with the question whether what is kept is still the same.</summary>
    Validate,

    /// <summary>It is answered with what is kept.</summary>
    Answer,
}
