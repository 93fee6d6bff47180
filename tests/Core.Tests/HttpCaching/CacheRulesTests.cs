using System.Text;

namespace Culvert.Core.Tests.HttpCaching;

/// <summary>What a shared cache may keep, and for how long it is good (RFC 9111), case by case.</summary>
public sealed class CacheRulesTests
{
    // Sun, 06 Nov 1994 08:49:37 GMT.
    private const long Now = 784111777;
    private const string Today = "date: Sun, 06 Nov 1994 08:49:37 GMT";

    /// <summary>A response's fields, its status, the request's fields, and for how many seconds it is good from now on; null: it is not kept.</summary>
    public static TheoryData<string, int, string, int?> Responses => new()
    {
        { "cache-control: max-age=60", 200, "", 60 },
        { "cache-control: MAX-AGE = 60", 200, "", 60 },
        { "cache-control: max-age=\"60\"", 200, "", 60 },
        { "cache-control: max-age=60, s-maxage=10", 200, "", 10 },
        { "cache-control: max-age=60|cache-control: s-maxage=90", 200, "", 90 },
        { "cache-control: max-age=60|age: 20", 200, "", 40 },
        { "cache-control: max-age=60|age: 20|age: 50", 200, "", 10 },
        { "cache-control: max-age=60|age: 60", 200, "", null },
        { "cache-control: max-age=60|age: x", 200, "", null },
        { "cache-control: max-age=60|date: Sun, 06 Nov 1994 08:49:07 GMT", 200, "", 30 },
        { "cache-control: max-age=60|date: Sun Nov  6 08:49:07 1994", 200, "", 30 },
        { "cache-control: max-age=60|date: Sun, 06 Nov 1994 08:59:37 GMT", 200, "", 60 }, // its clock is ahead
        { "cache-control: max-age=99999999999999999999", 200, "", int.MaxValue },
        { Today + "|expires: Sun, 06 Nov 1994 08:50:37 GMT", 200, "", 60 },
        { Today + "|expires: Sun, 06 Nov 1994 08:50:37 GMT|cache-control: max-age=5", 200, "", 5 },
        { Today + "|expires: Sun, 06 Nov 1994 08:50:37 GMT|expires: Sun, 06 Nov 1994 08:49:47 GMT", 200, "", 10 },
        { Today + "|expires: 0", 200, "", null },
        { Today + "|expires: Sun, 06 Nov 1994 08:49:37 GMT", 200, "", null },
        { Today + "|" + Today + "|expires: Sun, 06 Nov 1994 08:50:37 GMT", 200, "", null },
        { "expires: Sun, 06 Nov 1994 08:50:37 GMT", 200, "", 60 },
        { "", 200, "", null },
        { "last-modified: Sun, 06 Nov 1994 08:49:37 GMT", 200, "", null }, // nothing is guessed
        { "cache-control: public", 200, "", null },
        { "cache-control: max-age=60, no-store", 200, "", null },
        { "cache-control: max-age=60|cache-control: no-store", 200, "", null },
        { "cache-control: max-age=60, private", 200, "", null },
        { "cache-control: max-age=60, private=\"x-user\"", 200, "", null },
        { "cache-control: public, private, max-age=60", 200, "", null },
        { "cache-control: max-age=60, max-age=10", 200, "", 10 },
        { "cache-control: max-age=60, max-age=a", 200, "", null },
        { "cache-control: max-age=-1", 200, "", null },
        { "cache-control: max-age=\"60", 200, "", null },
        { "cache-control: a=\"no-store, private\", max-age=60", 200, "", 60 },
        { "cache-control: a=\"\\\", no-store\", max-age=60", 200, "", 60 },
        { "cache-control: no-cache, max-age=60", 200, "", null },
        { "cache-control: max-age=60|set-cookie: a=b", 200, "", null },
        { "cache-control: max-age=60|vary: *", 200, "", null },
        { "cache-control: max-age=60|vary: accept, *", 200, "", null },
        { "cache-control: max-age=60|vary: accept", 200, "", 60 },
        { "cache-control: max-age=60|content-range: bytes 0-1/2", 200, "", null },
        { "cache-control: max-age=60|trailer: x-sum", 200, "", null },
        { "cache-control: max-age=60", 200, "authorization: Basic YTpi", null },
        { "cache-control: max-age=60, public", 200, "authorization: Basic YTpi", 60 },
        { "cache-control: s-maxage=60", 200, "authorization: Basic YTpi", 60 },
        { "cache-control: max-age=60, must-revalidate", 200, "authorization: Basic YTpi", 60 },
        { "cache-control: max-age=60, proxy-revalidate", 200, "authorization: Basic YTpi", null },
        { "cache-control: max-age=60", 200, "cache-control: no-store", null },
        { "cache-control: max-age=60", 200, "range: bytes=0-1", null },
        { "cache-control: max-age=60", 200, "if-range: \"a\"", null },
        { "cache-control: max-age=60", 200, "x-http-method-override: DELETE", null },
        { "cache-control: max-age=60", 200, "x_http_method_override: DELETE", null },
        { "cache-control: max-age=60", 200, "x.http.method~override: DELETE", null },
        { "cache-control: max-age=60", 200, "if-none-match: \"a\"", 60 },
    };

    [Theory]
    [MemberData(nameof(Responses))]
    public void AResponseIsKeptForAsLongAsItSays(string response, int status, string request, int? left)
    {
        bool isKept = ResponseOf(response).MayBeKept(status, RequestOf(request), Now, out CacheFreshness freshness);
        Assert.Equal(left, isKept ? (int)(freshness.Lifetime - freshness.AgeAfter(0)) : null);
    }

    [Theory]
    [InlineData("cache-control: no-cache|etag: \"a\"")]
    [InlineData("cache-control: no-cache|last-modified: Sun, 06 Nov 1994 08:49:37 GMT")]
    [InlineData("cache-control: max-age=0|etag: W/\"a\"")]
    [InlineData("cache-control: no-cache=\"x-a\", max-age=60|etag: \"a\"")]
    public void WhatItsServerCanBeAskedAboutIsKeptAndNeverAnswersByItself(string response)
    {
        Assert.True(ResponseOf(response).MayBeKept(200, RequestOf(""), Now, out CacheFreshness freshness));
        Assert.False(freshness.MayAnswer(RequestOf(""), freshness.AgeAfter(0)));
    }

    [Fact]
    public void OnlySomeStatusesAreKept()
    {
        int[] kept = [.. Enumerable.Range(200, 400).Where(s => ResponseOf("cache-control: max-age=60, public").MayBeKept(s, RequestOf(""), Now, out _))];
        Assert.Equal([200, 203, 204, 301, 308, 404, 410], kept);
    }

    [Theory]
    [InlineData("", "", 59, true)]
    [InlineData("", "", 60, false)]
    [InlineData("", "cache-control: no-cache", 0, false)]
    [InlineData("", "pragma: no-cache", 0, false)]
    [InlineData("", "pragma: no-cache|cache-control: max-age=60", 0, true)]
    [InlineData("", "cache-control: max-age=10", 10, true)]
    [InlineData("", "cache-control: max-age=10", 11, false)]
    [InlineData("", "cache-control: max-age=x", 1, false)]
    [InlineData("", "cache-control: min-fresh=20", 40, true)]
    [InlineData("", "cache-control: min-fresh=20", 41, false)]
    [InlineData("", "cache-control: min-fresh=x", 0, false)]
    [InlineData("", "cache-control: max-stale", 600, true)]
    [InlineData("", "cache-control: max-stale=10", 70, true)]
    [InlineData("", "cache-control: max-stale=10", 71, false)]
    [InlineData("", "cache-control: max-stale=x", 61, false)]
    [InlineData("", "cache-control: max-stale, max-age=30", 61, false)]
    [InlineData(", must-revalidate", "cache-control: max-stale", 61, false)]
    [InlineData(", proxy-revalidate", "cache-control: max-stale", 61, false)]
    [InlineData(", s-maxage=60", "cache-control: max-stale", 61, false)]
    public void WhatIsKeptAnswersWhenBothTakeIt(string more, string request, int age, bool mayAnswer)
    {
        Assert.True(ResponseOf("cache-control: max-age=60" + more).MayBeKept(200, RequestOf(""), Now, out CacheFreshness freshness));
        Assert.Equal(mayAnswer, freshness.MayAnswer(RequestOf(request), freshness.AgeAfter(age)));
    }

    [Theory]
    [InlineData("\"a\"", "\"a\"", true)]
    [InlineData("W/\"a\"", "\"a\"", true)]
    [InlineData("\"a\"", "W/\"a\"", true)]
    [InlineData("*", "\"a\"", true)]
    [InlineData("*", "", true)]
    [InlineData("\"b\" , W/\"a,c\",\"a\"", "\"a\"", true)]
    [InlineData("\"a,b\"", "\"a\"", false)]
    [InlineData("a", "\"a\"", false)]
    [InlineData("\"a", "\"a\"", false)]
    [InlineData("w/\"a\"", "\"a\"", false)]
    [InlineData("\"a\"", "", false)]
    [InlineData("", "\"a\"", false)]
    public void TagsAreComparedWeakly(string list, string tag, bool isNamed) => Assert.Equal(isNamed, EntityTags.Names(Encoding.ASCII.GetBytes(list), Encoding.ASCII.GetBytes(tag)));

    [Theory]
    [InlineData("Sun, 06 Nov 1994 08:49:37 GMT", true)]
    [InlineData("Sun Nov  6 08:49:37 1994", true)]
    [InlineData("Sunday, 06-Nov-94 08:49:37 GMT", false)]
    [InlineData("Sun, 06 Nov 1994 08:49:37 +0100", false)]
    [InlineData("Sun, 06 Nov 1994 08:49:37 GMT and much more than a date may have", false)]
    [InlineData("0", false)]
    public void DatesAreRead(string text, bool isOne)
    {
        Assert.Equal(isOne, HttpDate.TryRead(Encoding.ASCII.GetBytes(text), out long seconds));
        Assert.Equal(isOne ? Now : 0, seconds);
    }

    [Theory]
    [InlineData("/assets/a", true)]
    [InlineData("/assets", false)]
    [InlineData("/assets/../private", false)]
    [InlineData("/assets//a", false)]
    [InlineData("/assets/%2e%2e/private", false)]
    [InlineData("/assets/..%2fprivate", false)]
    [InlineData("/assets/a;b", false)]
    public void OnlyPathsThatAllServersReadAlikeAreCovered(string path, bool isCovered)
    {
        ResponseCaching some = new() { Paths = [PathPattern.Parse("/assets/*")] };
        Assert.Equal(isCovered, some.Covers(Encoding.ASCII.GetBytes(path)));
        Assert.Equal(isCovered || path == "/assets", new ResponseCaching().Covers(Encoding.ASCII.GetBytes(path)));
    }

    private static CacheRequest RequestOf(string fields)
    {
        CacheRequest request = default;
        foreach ((byte[] name, byte[] value) in FieldsOf(fields)) request.Add(name, value);
        return request;
    }

    private static CacheResponse ResponseOf(string fields)
    {
        CacheResponse response = default;
        foreach ((byte[] name, byte[] value) in FieldsOf(fields)) response.Add(name, value);
        return response;
    }

    private static IEnumerable<(byte[] Name, byte[] Value)> FieldsOf(string fields) => fields.Split('|', StringSplitOptions.RemoveEmptyEntries)
        .Select(f => f.Split(": ", 2)).Select(f => (Encoding.ASCII.GetBytes(f[0]), Encoding.ASCII.GetBytes(f[1])));
}
