using System.Reflection;
using Mesh.Controller;
using Microsoft.Extensions.Logging;

namespace Mesh.Tests.Controller;

public sealed class LogTests
{
    [Fact]
    public void Every_message_has_an_event_id_of_its_own()
    {
        var ids = typeof(Log).GetMethods(BindingFlags.Static | BindingFlags.Public)
            .Select(method => method.GetCustomAttribute<LoggerMessageAttribute>())
            .OfType<LoggerMessageAttribute>().Select(attribute => attribute.EventId).ToList();
        Assert.True(ids.Count > 10);
        Assert.Equal(ids.Distinct(), ids);
        Assert.DoesNotContain(0, ids);
        Assert.DoesNotContain(-1, ids);
    }
}
