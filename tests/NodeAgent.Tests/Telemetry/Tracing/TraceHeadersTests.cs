using System.Text;
using Culvert.Http2;
using Culvert.NodeAgent.Telemetry.Tracing;

namespace Culvert.NodeAgent.Tests.Telemetry.Tracing;

/// <summary>What requests say of traces: W3C Trace Context (sections 3.2 and 3.3) and B3.</summary>
public sealed class TraceHeadersTests
{
    private const string Trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    private const string Span = "00f067aa0ba902b7";

    [Theory]
    [InlineData($"00-{Trace}-{Span}-01", true)]
    [InlineData($"00-{Trace}-{Span}-00", false)]
    [InlineData($"00-{Trace}-{Span}-03", true)]
    [InlineData($"00-{Trace}-{Span}-fe", false)]
    [InlineData($"cc-{Trace}-{Span}-01", true)]
    [InlineData($"cc-{Trace}-{Span}-01-what-the-future-will-be-like", true)]
    public void ATraceparentIsRead(string text, bool isSampled)
    {
        Assert.True(W3CTraceContext.TryRead(Encoding.ASCII.GetBytes(text), out TraceContext context));
        Assert.Equal((0x4bf92f3577b34da6ul, 0xa3ce929d0e0e4736ul, 0x00f067aa0ba902b7ul, isSampled), (context.High, context.Low, context.Span, context.IsSampled));
    }

    [Theory]
    [InlineData("")]
    [InlineData("00")]
    [InlineData($"ff-{Trace}-{Span}-01")]
    [InlineData($"00-{Trace}-{Span}-01-")]
    [InlineData($"00-{Trace}-{Span}-01-more")]
    [InlineData($"cc-{Trace}-{Span}-01.more")]
    [InlineData($"00-{Trace}-{Span}-1")]
    [InlineData($"00-{Trace}-{Span}")]
    [InlineData($"0-{Trace}-{Span}-01")]
    [InlineData($"00-00000000000000000000000000000000-{Span}-01")]
    [InlineData($"00-{Trace}-0000000000000000-01")]
    [InlineData("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01")]
    [InlineData($"00-{Trace}-00f067aa0ba902bg-01")]
    [InlineData($"00_{Trace}_{Span}_01")]
    [InlineData($" 00-{Trace}-{Span}-01")]
    public void WhatIsNoTraceparentIsNone(string text)
    {
        Assert.False(W3CTraceContext.TryRead(Encoding.ASCII.GetBytes(text), out _));
        Assert.Equal(TraceForms.None, TraceHeaders.Read(new HeaderList().Add("traceparent"u8, Encoding.ASCII.GetBytes(text)), out TraceContext context));
        Assert.False(context.HasTrace);
    }

    [Theory]
    [InlineData($"{Trace}-{Span}-1", true, false)]
    [InlineData($"{Trace}-{Span}-0", false, false)]
    [InlineData($"{Trace}-{Span}-d", true, true)]
    [InlineData($"{Trace}-{Span}-1-05e3ac9a4f6e3b90", true, false)]
    [InlineData($"{Trace}-{Span}", null, false)]
    [InlineData("a3ce929d0e0e4736-00f067aa0ba902b7-1", true, false)]
    [InlineData("1", true, false)]
    [InlineData("0", false, false)]
    [InlineData("d", true, true)]
    public void TheOneFieldOfB3IsRead(string text, bool? isSampled, bool isDebug)
    {
        Assert.True(B3TraceContext.TryRead(Encoding.ASCII.GetBytes(text), out TraceContext context));
        Assert.Equal((isSampled, isDebug, text.Length > 1), (context.IsSampled, context.IsDebug, context.HasTrace));
    }

    [Theory]
    [InlineData("")]
    [InlineData("2")]
    [InlineData("-")]
    [InlineData(Trace)]
    [InlineData($"{Trace}-")]
    [InlineData($"{Trace}-{Span}-")]
    [InlineData($"{Trace}-{Span}-2")]
    [InlineData($"{Trace}-{Span}-1-")]
    [InlineData($"{Trace}-{Span}-1-0000000000000000")]
    [InlineData($"{Trace}-{Span}-1-05e3ac9a4f6e3b90-1")]
    [InlineData($"{Trace}-0000000000000000-1")]
    [InlineData($"00000000000000000000000000000000-{Span}-1")]
    [InlineData($"{Trace}0-{Span}-1")]
    [InlineData($"ce929d0e0e4736-{Span}-1")]
    public void WhatIsNoB3IsNone(string text) => Assert.False(B3TraceContext.TryRead(Encoding.ASCII.GetBytes(text), out _));

    [Theory]
    [InlineData($"x-b3-traceid:{Trace};x-b3-spanid:{Span};x-b3-sampled:1", true)]
    [InlineData($"x-b3-traceid:{Trace};x-b3-spanid:{Span};x-b3-parentspanid:{Span};x-b3-sampled:false", false)]
    [InlineData($"x-b3-traceid:{Trace};x-b3-spanid:{Span}", null)]
    [InlineData($"x-b3-traceid:{Trace};x-b3-spanid:{Span};x-b3-flags:1", true)]
    [InlineData("x-b3-sampled:0", false)]
    public void TheFieldsOfB3AreRead(string fields, bool? isSampled)
    {
        Assert.Equal(TraceForms.B3Multi, TraceHeaders.Read(Head(fields), out TraceContext context));
        Assert.Equal(isSampled, context.IsSampled);
    }

    [Theory]
    [InlineData($"x-b3-traceid:{Trace}")]
    [InlineData($"x-b3-spanid:{Span};x-b3-sampled:1")]
    [InlineData($"x-b3-traceid:{Trace};x-b3-spanid:{Span};x-b3-sampled:maybe")]
    [InlineData($"x-b3-traceid:{Trace}1;x-b3-spanid:{Span}")]
    [InlineData($"traceparent:00-{Trace}-{Span}-01;traceparent:00-{Trace}-{Span}-01")]
    public void FieldsThatDoNotHoldTogetherSayNothing(string fields) => Assert.Equal(TraceForms.None, TraceHeaders.Read(Head(fields), out _));

    [Theory]
    [InlineData("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", true)]
    [InlineData("tenant@system=a b", true)]
    [InlineData(" a=1 ,\t, b=2", true)]
    [InlineData("", false)]
    [InlineData("a", false)]
    [InlineData("=1", false)]
    [InlineData("a=", false)]
    [InlineData("A=1", false)]
    [InlineData("a=1=2", false)]
    [InlineData("a=\u0001", false)]
    public void StateIsToldFromWhatIsNone(string text, bool isState) => Assert.Equal(isState, W3CTraceContext.IsState(Encoding.Latin1.GetBytes(text)));

    [Fact]
    public void StateOfMoreThan32MembersIsNone()
    {
        Assert.True(W3CTraceContext.IsState(Encoding.ASCII.GetBytes(string.Join(',', Enumerable.Range(0, 32).Select(i => $"k{i}=v")))));
        Assert.False(W3CTraceContext.IsState(Encoding.ASCII.GetBytes(string.Join(',', Enumerable.Range(0, 33).Select(i => $"k{i}=v")))));
    }

    [Fact]
    public void EachFormThatCameSaysTheNewSpanAndNothingElseChanges()
    {
        HeaderList head = Head($":method:GET;traceparent:00-{Trace}-{Span}-01;tracestate:a=1;b3:{Trace}-{Span}-1;x-b3-traceid:{Trace};x-b3-spanid:{Span};x-b3-sampled:1;x-other:kept");
        Assert.Equal(TraceForms.W3C | TraceForms.B3 | TraceForms.B3Multi, TraceHeaders.Read(head, out TraceContext context));
        HeaderList to = new();
        TraceHeaders.Write(head, TraceForms.W3C | TraceForms.B3 | TraceForms.B3Multi, context with { Span = 1 }, context.Span, to);
        Assert.Equal(
            $":method:GET;tracestate:a=1;x-other:kept;traceparent:00-{Trace}-0000000000000001-01;b3:{Trace}-0000000000000001-1-{Span};"
            + $"x-b3-traceid:{Trace};x-b3-spanid:0000000000000001;x-b3-parentspanid:{Span};x-b3-sampled:1",
            Text(to));
    }

    [Fact]
    public void WhatIsNoneIsNotPassedOn()
    {
        HeaderList to = new();
        TraceHeaders.Write(Head("traceparent:what;tracestate:a=1;b3:what;x-other:kept"), TraceForms.None, new TraceContext(1, 2, 3, false), parent: 0, to);
        Assert.Equal("x-other:kept;traceparent:00-00000000000000010000000000000002-0000000000000003-00", Text(to));
    }

    [Fact]
    public void AShortTraceIdStaysOneInB3AndIsFilledUpInW3C()
    {
        HeaderList to = new();
        TraceHeaders.Write(new HeaderList(), TraceForms.B3 | TraceForms.W3C, new TraceContext(0, 2, 3, true) { IsDebug = true }, parent: 0, to);
        Assert.Equal("traceparent:00-00000000000000000000000000000002-0000000000000003-01;b3:0000000000000002-0000000000000003-d", Text(to));
    }

    [Fact]
    public void WhateverComesNothingThrowsAndWhatIsWrittenCanBeRead()
    {
        Random random = new(17);
        byte[][] names = ["traceparent"u8.ToArray(), "tracestate"u8.ToArray(), "b3"u8.ToArray(), "x-b3-traceid"u8.ToArray(), "x-b3-spanid"u8.ToArray(), "x-b3-sampled"u8.ToArray(), "x-b3-flags"u8.ToArray()];
        byte[] good = Encoding.ASCII.GetBytes($"00-{Trace}-{Span}-01");
        HeaderList to = new();
        for (int i = 0; i < 20_000; i++)
        {
            HeaderList head = new();
            for (int fields = random.Next(4); fields >= 0; fields--)
            {
                byte[] value = [.. good.Skip(random.Next(40)).Take(random.Next(60))];
                for (int changes = random.Next(3); changes > 0 && value.Length > 0; changes--) value[random.Next(value.Length)] = (byte)random.Next(256);
                head.Add(names[random.Next(names.Length)], value);
            }

            TraceForms forms = TraceHeaders.Read(head, out TraceContext context);
            TraceContext written = new(context.HasTrace ? context.High : 1, context.Low, 77, context.IsSampled ?? false);
            TraceHeaders.Write(head, forms, written, context.Span, to);
            TraceForms expected = forms == TraceForms.None ? TraceForms.W3C : forms;
            Assert.Equal(expected, TraceHeaders.Read(to, out TraceContext read));
            Assert.Equal((written.High, written.Low, 77ul, written.IsSampled), (read.High, read.Low, read.Span, read.IsSampled));
        }
    }

    private static HeaderList Head(string fields)
    {
        HeaderList head = new();
        foreach (string field in fields.Split(';'))
        {
            int colon = field.IndexOf(':', 1);
            head.Add(Encoding.ASCII.GetBytes(field[..colon]), Encoding.ASCII.GetBytes(field[(colon + 1)..]));
        }

        return head;
    }

    private static string Text(HeaderList head) => string.Join(';', Enumerable.Range(0, head.Count).Select(i => $"{Encoding.ASCII.GetString(head[i].Name)}:{Encoding.ASCII.GetString(head[i].Value)}"));
}
