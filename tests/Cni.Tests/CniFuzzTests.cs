using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Culvert.CniPlugin;

namespace Culvert.Cni.Tests;

/// <summary>Seeded and bounded: whatever is written to the plugin or to the agent, it is read or refused, in the words of the specification.</summary>
public sealed class CniFuzzTests
{
    private static readonly byte[][] Samples =
    [
        Calls.Configuration(), Calls.Configuration("1.1.0", "\"agentSocket\":\"/x\",\"timeoutSeconds\":2"), Calls.Configuration("0.4.0"),
        Calls.Configuration("1.1.0", "\"cni.dev/valid-attachments\":[{\"containerID\":\"a\",\"ifname\":\"eth0\"}]"),
        JsonSerializer.SerializeToUtf8Bytes(RequestTests.Add, CniJson.Default.CniRequest),
        "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"code\":11,\"msg\":\"\"}"u8.ToArray(),
    ];

    private static readonly byte[] Signs = "{}[]\",:0123456789.-/\\u\0eE\xff "u8.ToArray();

    [Fact]
    public void AlteredInputIsReadOrRefused()
    {
        int seed = int.TryParse(Environment.GetEnvironmentVariable("CULVERT_FUZZ_SEED"), CultureInfo.InvariantCulture, out int given) ? given : 4711;
        TimeSpan time = TimeSpan.FromSeconds(int.TryParse(Environment.GetEnvironmentVariable("CULVERT_FUZZ_SECONDS"), CultureInfo.InvariantCulture, out int seconds) ? seconds : 2);
        Random random = new(seed);
        long start = Stopwatch.GetTimestamp();
        int read = 0, refused = 0;
        while (Stopwatch.GetElapsedTime(start) < time || read + refused < 5_000)
        {
            byte[] input = Alter(random);
            foreach (CniCommand command in Enum.GetValues<CniCommand>()) Count(() => Rewrite(CniConfiguration.Parse(input, command)), seed, ref read, ref refused);
            Count(() => CniRequest.Parse(input), seed, ref read, ref refused);
            Count(() => AgentCall.Read(input), seed, ref read, ref refused);
            string text = System.Text.Encoding.Latin1.GetString(input);
            Count(() => CniEnvironment.Read(v => v == "CNI_ARGS" ? text : Calls.Variables("ADD")(v)), seed, ref read, ref refused);
        }

        // Both must happen, or nothing was tried.
        Assert.True(read > 500 && refused > 500, $"read {read}, refused {refused}");
    }

    // What was read can be handed on in every form.
    private static void Rewrite(CniConfiguration configuration)
    {
        foreach (string version in CniVersions.Supported)
        {
            using Utf8JsonWriter writer = new(Stream.Null);
            configuration.Previous?.WriteTo(writer, version);
        }
    }

    private static void Count(Action parse, int seed, ref int read, ref int refused)
    {
        try
        {
            parse();
            read++;
        }
        catch (Exception e) when (e is CniException or AgentCallException)
        {
            refused++;
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"seed {seed}: {e.Message}", e);
        }
    }

    private static byte[] Alter(Random random)
    {
        List<byte> bytes = [.. Samples[random.Next(Samples.Length)]];
        for (int i = random.Next(4); i > 0 && bytes.Count > 2; i--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0:
                    bytes[at] = Signs[random.Next(Signs.Length)];
                    break;
                case 1:
                    bytes.RemoveRange(at, random.Next(Math.Min(20, bytes.Count - at)));
                    break;
                case 2:
                    bytes.Insert(at, Signs[random.Next(Signs.Length)]);
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.GetRange(at, random.Next(Math.Min(60, bytes.Count - at))));
                    break;
                default:
                    bytes[at] = (byte)random.Next(256);
                    break;
            }
        }
        return [.. bytes];
    }
}
