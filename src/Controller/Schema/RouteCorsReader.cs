using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads the filter by which pages of other origins may ask.</summary>
internal static class RouteCorsReader
{
    private const string All = "*";

    private const int Most = 64, MostMethods = 9;

    public static HttpCors Read(FieldReader cors)
    {
        HttpCors read = new()
        {
            AllowOrigins = ReadList<OriginPattern>(cors, "allowOrigins", Most, Origin),
            AllowCredentials = cors.Bool("allowCredentials") ?? false,
            AllowMethods = ReadList<string>(cors, "allowMethods", MostMethods, Method),
            AllowHeaders = ReadList<string>(cors, "allowHeaders", Most, Header),
            ExposeHeaders = ReadList<string>(cors, "exposeHeaders", Most, Header),
            MaxAge = (int)(cors.Integer("maxAge", 1, int.MaxValue) ?? HttpCors.DefaultMaxAge),
        };
        cors.Done();
        CheckAlone(cors, "allowOrigins", read.AllowOrigins.Count, read.AllowOrigins.Contains(OriginPattern.Any));
        CheckAlone(cors, "allowMethods", read.AllowMethods.Count, read.AllowMethods.Contains(All));
        CheckAlone(cors, "allowHeaders", read.AllowHeaders.Count, read.AllowHeaders.Contains(All));
        if (read.AllowOrigins.IsEmpty) cors.Note("allowOrigins", "allows no origin: browsers let no page of another one see an answer");
        return read.AllowCredentials && read.ExposeHeaders.Contains(All) ? WithoutAllExposed(cors, read) : read;
    }

    // Browsers would take it for the name of a header (Fetch, "CORS protocol and credentials").
    private static HttpCors WithoutAllExposed(FieldReader cors, HttpCors read)
    {
        cors.Note("exposeHeaders", "'*' means nothing beside allowCredentials; name the headers");
        return read with { ExposeHeaders = read.ExposeHeaders.Where(h => h != All).ToEquatableArray() };
    }

    private static EquatableArray<T> ReadList<T>(FieldReader cors, string field, int most, FieldReader.Parse<T> parse)
    {
        EquatableArray<T> list = cors.List(field, parse, mayBeEmpty: true);
        RequestRouteReader.Limit(cors, field, list.Count, most);
        return list.Distinct().ToEquatableArray();
    }

    private static void CheckAlone(FieldReader cors, string field, int count, bool hasAll)
    {
        if (hasAll && count > 1) cors.Fail(field, "has '*', which means all, and others beside it");
    }

    private static string? Origin(string text, out OriginPattern origin) => OriginPattern.TryParse(text, out origin, out string? error) ? null : error;

    private static string? Method(string text, out string method)
    {
        method = text;
        return text == All ? null : HttpMatchReader.Method(text);
    }

    private static string? Header(string text, out string name)
    {
        name = text;
        return RouteHeaders.Name(text);
    }
}
