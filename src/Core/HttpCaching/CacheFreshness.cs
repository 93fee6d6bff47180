namespace Culvert.Core;

/// <summary>For how long a response is good that is kept (RFC 9111, section 4.2). All times in seconds.</summary>
/// <param name="Lifetime">For how long from when the server made it.</param>
/// <param name="FirstAge">How old it was when it came.</param>
/// <param name="AsksAlways">Whether the server has to be asked each time (<c>no-cache</c>).</param>
/// <param name="IsStrict">Whether nobody may have it any more once it is stale, whatever a client takes.</param>
public readonly record struct CacheFreshness(long Lifetime, long FirstAge, bool AsksAlways, bool IsStrict)
{
    /// <summary>How old it is.</summary>
    /// <param name="resident">How long it has been kept.</param>
    public long AgeAfter(long resident) => Math.Min(FirstAge + Math.Max(0, resident), CacheControl.MostSeconds);

    /// <summary>Whether it may answer a request without the server.</summary>
    /// <param name="request">The request.</param>
    /// <param name="age">How old it is.</param>
    public bool MayAnswer(in CacheRequest request, long age)
    {
        CacheControl control = request.Control;
        long left = Lifetime - age;
        if (AsksAlways || request.AsksServer || age > (control.MaxAge ?? CacheControl.MostSeconds) || left < (control.MinFresh ?? long.MinValue)) return false;
        return left > 0 || (!IsStrict && control.MaxStale is { } stale && -left <= stale);
    }
}
