using System.Text;
using Mesh.Protocol.Uapi;

namespace Mesh.Tests.Protocol.Uapi;

/// <summary>Where requests end in a stream.</summary>
public sealed class UapiRequestFrameTests
{
    [Theory]
    [InlineData("get=1\n\n", UapiRequestKind.Get, "")]
    [InlineData("set=1\n\n", UapiRequestKind.Set, "")]
    [InlineData("set=1\nlisten_port=5\nfwmark=6\n\n", UapiRequestKind.Set, "listen_port=5\nfwmark=6\n")]
    [InlineData("set=1\nlisten_port=5\r\n\r\n", UapiRequestKind.Set, "listen_port=5\r\n")]
    public void ARequestIsFoundHoweverItArrives(string text, UapiRequestKind kind, string lines)
    {
        var bytes = Encoding.Latin1.GetBytes(text + "get=1\n\n");
        for (var step = 1; step <= text.Length; step++)
        {
            UapiRequestFrame frame = new();
            var received = 0;
            bool found;
            do
            {
                received = Math.Min(received + step, bytes.Length);
                found = frame.TryFind(bytes.AsSpan(0, received));
            }
            while (!found && received < bytes.Length);
            Assert.True(found);
            Assert.Equal((kind, text.Length), (frame.Kind, frame.Length));
            Assert.Equal(lines, Encoding.Latin1.GetString(bytes[frame.Lines]));
            Assert.False(new UapiRequestFrame().TryFind(bytes.AsSpan(0, text.Length - 1)));
        }
    }

    [Theory]
    [InlineData("get=2\n")]
    [InlineData("\n")]
    [InlineData("get=1\r\n\n")]
    [InlineData("get=1\nlisten_port=5\n")]
    [InlineData("GET / HTTP/1.1 and so on, without a line feed for a very long time indeed")]
    public void WhatIsNoRequestIsSeenAtOnce(string text)
    {
        UapiRequestFrame frame = new();
        Assert.True(frame.TryFind(Encoding.Latin1.GetBytes(text)));
        Assert.Equal(UapiRequestKind.None, frame.Kind);
    }
}
