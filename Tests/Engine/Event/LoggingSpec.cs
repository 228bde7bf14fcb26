using Xunit.Abstractions;

namespace Mesh.Tests.Engine;

public sealed class LoggingSpec() : TestKit("akka.loglevel = WARNING")
{
    [Fact]
    public async Task Templates_are_filled_in_at_every_number_of_arguments()
    {
        Sys.EventStream.Subscribe<LogEvent>(TestActor);
        var log = GetLogger(Sys, "here");
        log.Warning("none");
        log.Warning("{0}", 1);
        log.Warning("{0} {1}", 1, "two");
        log.Warning("{0} {1} {2}", 1, "two", 3.5);
        log.Warning("{0} {1} {2} {3}", 1, "two", 3.5, null);
        log.Error(new ExpectedException("the cause"), "with {0}", "cause");
        foreach (var expected in new[] { "none", "1", "1 two", "1 two 3.5", "1 two 3.5 ", "with cause" })
            await ExpectMsgAsync<LogEvent>(entry => Assert.Equal(expected, entry.Message.ToString()));
        log.Error(new ExpectedException("the cause"), "text");
        await ExpectMsgAsync<LogEvent>(entry =>
        {
            Assert.Equal("the cause", entry.Cause!.Message);
            Assert.Contains("[ERROR]", entry.ToString(), StringComparison.Ordinal);
            Assert.Contains("[here] text", entry.ToString(), StringComparison.Ordinal);
            Assert.Contains("the cause", entry.ToString(), StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task What_is_below_the_level_of_the_system_is_not_even_made_into_text()
    {
        Sys.EventStream.Subscribe<LogEvent>(TestActor);
        var log = GetLogger(Sys, this);
        log.Debug("{0}", new Unprintable());
        log.Info("{0}", new Unprintable());
        log.Warning("seen");
        await ExpectMsgAsync<LogEvent>(entry => Assert.Equal("seen", entry.Message.ToString()));
        Assert.Equal((false, false), (log.IsDebugEnabled, log.IsInfoEnabled));
        Assert.Equal((true, true), (log.IsWarningEnabled, log.IsErrorEnabled));
    }

    [Fact]
    public async Task An_actors_logger_says_where_it_comes_from()
    {
        Sys.EventStream.Subscribe<LogEvent>(TestActor);
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAny(_ => script.Context.GetLogger().Warning("hello"))), "speaker");
        actor.Tell("speak");
        await ExpectMsgAsync<LogEvent>(entry => Assert.Equal(
            ("akka://test/user/speaker", typeof(Scripted)), (entry.LogSource, entry.LogClass)));
        GetLogger(Sys, GetType()).Warning("by type");
        await ExpectMsgAsync<LogEvent>(entry => Assert.Equal(nameof(LoggingSpec), entry.LogSource));
        GetLogger(Sys, this).Warning("by object");
        await ExpectMsgAsync<LogEvent>(entry => Assert.Equal(nameof(LoggingSpec), entry.LogSource));
        GetLogger(Sys, actor).Warning("by reference");
        await ExpectMsgAsync<LogEvent>(entry => Assert.Equal("akka://test/user/speaker", entry.LogSource));
        Sys.Log.Warning("by system");
        await ExpectMsgAsync<LogEvent>(entry => Assert.Equal("ActorSystem(test)", entry.LogSource));
    }

    [Fact]
    public async Task A_template_that_does_not_fit_its_arguments_must_not_throw()
    {
        Sys.EventStream.Subscribe<LogEvent>(TestActor);
        Sys.Log.Error("{0} and {1}", "one");
        await ExpectMsgAsync<LogEvent>(entry => Assert.Equal("{0} and {1} <- [one]", entry.Message.ToString()));
        Sys.Log.Error("{broken", "one");
        await ExpectMsgAsync<LogEvent>(entry => Assert.Equal("{broken <- [one]", entry.Message.ToString()));
    }

    [Fact]
    public async Task TestOutputLogger_WithBadFormattingMustNotThrow()
    {
        var output = new Lines();
        using var kit = new TestKit(output: output);
        kit.Sys.Log.Error("{0} and {1}", "one");
        await kit.AwaitAssertAsync(() => Assert.Contains("{0} and {1} <- [one]", output.Text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task StandardOutLogger_WithBadFormattingMustNotThrow()
    {
        var before = Console.Error;
        var captured = new StringWriter();
        Console.SetError(TextWriter.Synchronized(captured));
        try
        {
            var system = ActorSystem.Create("loud", "akka.stdout-loglevel = ERROR");
            system.Log.Warning("not this one 8f3a");
            system.Log.Error("{0} and {1} 8f3a", "one");
            system.Log.Error("{0} 8f3a", new Unprintable());
            await system.Terminate();
            var text = captured.ToString();
            Assert.DoesNotContain("not this one", text, StringComparison.Ordinal);
            Assert.Contains("{0} and {1} 8f3a <- [one]", text, StringComparison.Ordinal);
            Assert.Contains("could not be written", text, StringComparison.Ordinal);
        }
        finally
        {
            Console.SetError(before);
        }
    }

    [Fact]
    public void An_unknown_level_is_refused() =>
        Assert.Throws<ArgumentException>(() => ActorSystem.Create("wrong", "akka.loglevel = LOUD"));

    sealed class Unprintable
    {
        public override string ToString() => throw new ExpectedException("this has no text");
    }

    sealed class Lines : ITestOutputHelper
    {
        readonly List<string> _lines = [];

        public string Text
        {
            get
            {
                lock (_lines)
                    return string.Join('\n', _lines);
            }
        }

        public void WriteLine(string message)
        {
            lock (_lines)
                _lines.Add(message);
        }

        public void WriteLine(string format, params object[] args) => WriteLine(string.Format(null, format, args));
    }
}
