using System.Collections;
using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Reflection;
using System.Runtime.CompilerServices;
using Culvert.Core;

namespace Culvert.Controller.Tests.Mapping;

/// <summary>Instances of the model with something in every field, and all that they hold as text. A field of a type that is not known here fails.</summary>
internal static class ModelSample
{
    private const BindingFlags Fields = BindingFlags.Public | BindingFlags.Instance;

    private static readonly Dictionary<Type, object> Values = new()
    {
        [typeof(string)] = "text",
        [typeof(ushort)] = (ushort)81,
        [typeof(int)] = 503,
        [typeof(double)] = 0.375,
        [typeof(TimeSpan)] = TimeSpan.FromSeconds(4321),
        [typeof(DateTimeOffset)] = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
        [typeof(IPAddress)] = IPAddress.Parse("10.1.2.3"),
        [typeof(IpPrefix)] = IpPrefix.Parse("10.1.0.0/16"),
        [typeof(SpiffeId)] = SpiffeId.Parse("spiffe://example.org/ns/a/sa/b"),
        [typeof(CertificateSerial)] = CertificateSerial.Of([0x3c, 0x09]),
        [typeof(NamespacedName)] = NamespacedName.Parse("a/b"),
        [typeof(StringPattern)] = StringPattern.Parse("spiffe://example.org/*"),
        [typeof(OriginPattern)] = OriginPattern.Parse("https://*.example.org:8443"),
        [typeof(PathPattern)] = PathPattern.Parse("/a/*"),
        [typeof(RouteExpression)] = RouteExpression.TryParse("a.*", out RouteExpression? expression, out _) ? expression : throw new FormatException(),
        [typeof(JwtKey)] = new JwtKey { KeyId = "text", Algorithms = [JwtAlgorithm.ES512], PublicKey = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP521).ExportSubjectPublicKeyInfo().ToEquatableArray() },
        [typeof(TransportPort)] = new TransportPort(81, TransportProtocol.Udp),
        [typeof(ImmutableSortedDictionary<string, string>)] = ImmutableSortedDictionary<string, string>.Empty.Add("key", "value"),
    };

    // Fields of which not every value of their type is one.
    private static readonly Dictionary<(Type Type, string Field), object> ValuesOfFields = new()
    {
        [(typeof(PolicyInfo), nameof(PolicyInfo.Action))] = PolicyAction.Limit, // with which a limit is required
        [(typeof(ExternalAuthorizer), nameof(ExternalAuthorizer.Timeout))] = TimeSpan.FromMilliseconds(4321),
        [(typeof(JwtRule), nameof(JwtRule.ClockSkew))] = TimeSpan.FromSeconds(321),
        [(typeof(RateLimit), nameof(RateLimit.Seconds))] = 60,
        [(typeof(RateLimit), nameof(RateLimit.DelayAfter))] = 25,
        [(typeof(GlobalRateLimit), nameof(GlobalRateLimit.Timeout))] = TimeSpan.FromMilliseconds(4321),
        [(typeof(RateLimitEntry), nameof(RateLimitEntry.From))] = RateLimitValue.Header,
        [(typeof(OutlierDetection), nameof(OutlierDetection.EjectionTime))] = TimeSpan.FromMilliseconds(54_321),
        [(typeof(OutlierDetection), nameof(OutlierDetection.MaxEjectionPercent))] = 75,
        [(typeof(OutlierDetection), nameof(OutlierDetection.Window))] = TimeSpan.FromMilliseconds(65_432),
        [(typeof(RetryBudget), nameof(RetryBudget.Percent))] = 25,
        [(typeof(AffinityCookie), nameof(AffinityCookie.Life))] = TimeSpan.FromSeconds(4321),
        [(typeof(RequestHedging), nameof(RequestHedging.Delay))] = TimeSpan.FromMilliseconds(4321),
        [(typeof(RequestHedging), nameof(RequestHedging.MaxTries))] = 3,
        [(typeof(FaultInjection), nameof(FaultInjection.Delay))] = TimeSpan.FromMilliseconds(54_321),
        [(typeof(FaultInjection), nameof(FaultInjection.DelayPercent))] = 25,
        [(typeof(FaultInjection), nameof(FaultInjection.AbortPercent))] = 35,
        [(typeof(FaultInjection), nameof(FaultInjection.AbortStatus))] = 529,
        [(typeof(ResponseCaching), nameof(ResponseCaching.MaxResponseBytes))] = 4321,
        [(typeof(HealthCheck), nameof(HealthCheck.Path))] = "/text",
        [(typeof(HealthCheck), nameof(HealthCheck.Interval))] = TimeSpan.FromMilliseconds(54_321),
        [(typeof(HealthCheck), nameof(HealthCheck.Timeout))] = TimeSpan.FromMilliseconds(4321),
        [(typeof(HealthCheck), nameof(HealthCheck.UnhealthyThreshold))] = 5,
        [(typeof(HealthCheck), nameof(HealthCheck.HealthyThreshold))] = 4,
        [(typeof(RequestBalancing), nameof(RequestBalancing.SlowStart))] = TimeSpan.FromMilliseconds(54_321),
        [(typeof(TracingSettings), nameof(TracingSettings.Endpoint))] = "http://collector:4318",
        [(typeof(HttpRedirect), nameof(HttpRedirect.Scheme))] = "https",
        [(typeof(HttpRedirect), nameof(HttpRedirect.Status))] = 308,
    };

    /// <summary>An instance of the type.</summary>
    internal static T Of<T>() => (T)Of(typeof(T), null);

    /// <summary>One line for each field, by its path.</summary>
    internal static IEnumerable<string> Describe(object? value, string path = "") => value switch
    {
        null => [$"{path}: null"],
        IDictionary map => map.Keys.Cast<object>().SelectMany(k => Describe(map[k], $"{path}[{k}]")),
        IEnumerable list when value is not string => list.Cast<object>().SelectMany((item, i) => Describe(item, $"{path}[{i}]")),
        _ when IsLeaf(value.GetType()) => [string.Create(CultureInfo.InvariantCulture, $"{path}: {value}")],
        _ => FieldsOf(value.GetType()).SelectMany(f => Describe(f.GetValue(value), $"{path}.{f.Name}")),
    };

    private static object Of(Type type, object? unlike)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(bool)) return unlike is not true;
        if (type.IsEnum) return Enum.GetValues(type).Cast<object>().Last(v => !v.Equals(unlike));
        if (Values.TryGetValue(type, out object? value)) return value;
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(EquatableArray<>))
        {
            Type element = type.GetGenericArguments()[0];
            var items = Array.CreateInstance(element, 1);
            items.SetValue(Of(element, null), 0);
            return typeof(EquatableArray).GetMethod(nameof(EquatableArray.ToEquatableArray))!.MakeGenericMethod(element).Invoke(null, [items])!;
        }

        object made = type.GetConstructor(Type.EmptyTypes) is { } plain ? plain.Invoke([]) : RuntimeHelpers.GetUninitializedObject(type);
        foreach (PropertyInfo field in FieldsOf(type)) field.SetValue(made, ValuesOfFields.GetValueOrDefault((type, field.Name)) ?? Of(field.PropertyType, field.GetValue(made)));
        return made;
    }

    private static IEnumerable<PropertyInfo> FieldsOf(Type type) => type.GetProperties(Fields).Where(p => p.CanWrite);

    private static bool IsLeaf(Type type) => type.IsEnum || type == typeof(bool) || Values.ContainsKey(type);
}
