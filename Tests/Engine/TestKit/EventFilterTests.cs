using Xunit.Sdk;

namespace Mesh.Tests.Engine;

public sealed class EventFilterTests : TestKit
{
    static readonly string[] Names = ["Debug", "Info", "Warning", "Error"];

    public static TheoryData<string> Levels => [.. Names];

    [Theory]
    [MemberData(nameof(Levels))]
    public async Task Single_message_is_intercepted(string level)
    {
        await Filter(level).ExpectOneAsync(() => Log(level, "whatever"));
        // One of each other level makes no difference.
        await Filter(level).ExpectOneAsync(async () =>
        {
            foreach (var each in Names)
                await Log(each, "whatever");
        });
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public async Task Can_intercept_messages_by_what_they_say(string level)
    {
        await Filter(level, message: "whatever").ExpectOneAsync(() => Log(level, "whatever"));
        await Filter(level, start: "what").ExpectOneAsync(() => Log(level, "whatever"));
        await Filter(level, contains: "ate").ExpectOneAsync(() => Log(level, "whatever"));
        await Filter(level, start: "what", contains: "ate").ExpectOneAsync(() => Log(level, "whatever"));
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public async Task Do_not_intercept_messages_that_do_not_match(string level)
    {
        await Filter(level, message: "whatever").ExpectAsync(0, () => Log(level, "let-me-thru"));
        await Filter(level, message: "what").ExpectAsync(0, () => Log(level, "whatever"));
        await Filter(level, start: "ever").ExpectAsync(0, () => Log(level, "whatever"));
        await Filter(level, contains: "EVER").ExpectAsync(0, () => Log(level, "whatever"));
        await Filter(level, start: "what", contains: "let").ExpectAsync(0, () => Log(level, "whatever"));
    }

    [Fact]
    public async Task Can_intercept_messages_when_source_is_specified()
    {
        var actor = Sys.ActorOf(
            Scripted.Props(script => script.OnAny(message => script.Context.GetLogger().Info("{0}", message))), "source");
        await EventFilter.Info(source: "akka://test/user/source").ExpectOneAsync(() => Tell(actor));
        await EventFilter.Info(message: "hello", source: "akka://test/user/another").ExpectAsync(0, async () =>
        {
            await Tell(actor);
            await actor.GracefulStop(TimeSpan.FromSeconds(3));
        });
    }

    [Fact]
    public async Task Specified_numbers_of_messages_can_be_intercepted() =>
        await EventFilter.Warning().ExpectAsync(3, async () =>
        {
            for (var number = 0; number < 3; number++)
                await Log("Warning", "whatever");
        });

    [Fact]
    public async Task ExpectAsync_0_events_Should_work() =>
        await Assert.ThrowsAnyAsync<XunitException>(() => EventFilter.Error().ExpectAsync(0, async () =>
        {
            await Task.Delay(10);
            await Log("Error", "something");
        }));

    [Fact]
    public async Task ExpectAsync_should_await_actionAsync() =>
        await Assert.ThrowsAsync<ExpectedException>(() => EventFilter.Error().ExpectAsync(0, async () =>
        {
            await Task.Yield();
            throw new ExpectedException();
        }));

    [Fact]
    public async Task Make_sure_async_works() =>
        await EventFilter.Error().ExpectOneAsync(() =>
        {
            // It comes after the action has ended.
            _ = Task.Delay(10).ContinueWith(_ => Log("Error", "whatever"), TaskScheduler.Default);
            return Task.CompletedTask;
        });

    [Fact]
    public async Task Should_timeout_if_too_few_messages()
    {
        var failure = await Assert.ThrowsAnyAsync<XunitException>(() =>
            EventFilter.Error().ExpectAsync(2, TimeSpan.FromMilliseconds(50), () => Log("Error", "whatever")));
        Assert.Contains("got 1 of 2", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_comes_before_and_after_is_not_counted()
    {
        await Log("Error", "before");
        await EventFilter.Error().ExpectOneAsync(() => Log("Error", "during"));
        await Log("Error", "after");
    }

    [Fact]
    public async Task Custom_filter_should_match()
    {
        await EventFilter.Custom<LogEvent>(log => log.LogSource == "somewhere").ExpectOneAsync(() =>
        {
            GetLogger(Sys, "elsewhere").Info("not this");
            GetLogger(Sys, "somewhere").Info("this");
            return Task.CompletedTask;
        });
        await EventFilter.Custom<LogEvent>(_ => false).ExpectAsync(0, () => Log("Error", "whatever"));
    }

    [Fact]
    public async Task Another_system_has_filters_of_its_own()
    {
        var other = ActorSystem.Create("other", "akka.stdout-loglevel = OFF");
        await CreateEventFilter(other).Error().ExpectOneAsync(() =>
        {
            other.Log.Error("there");
            return Log("Error", "here");
        });
        await other.Terminate();
    }

    Counting Filter(string level, string? message = null, string? start = null, string? contains = null) => new(level switch
    {
        "Debug" => EventFilter.Debug(message, start, contains).ExpectAsync,
        "Info" => EventFilter.Info(message, start, contains).ExpectAsync,
        "Warning" => EventFilter.Warning(message, start, contains).ExpectAsync,
        _ => EventFilter.Error(message, start, contains).ExpectAsync,
    });

    Task Log(string level, string text)
    {
        switch (level)
        {
            case "Debug":
                Sys.Log.Debug(text);
                break;
            case "Info":
                Sys.Log.Info(text);
                break;
            case "Warning":
                Sys.Log.Warning(text);
                break;
            default:
                Sys.Log.Error(text);
                break;
        }
        return Task.CompletedTask;
    }

    static Task Tell(IActorRef actor)
    {
        actor.Tell("hello");
        return Task.CompletedTask;
    }

    /// <summary>The counting of a filter, whatever its level.</summary>
    sealed class Counting(Func<int, Func<Task>, CancellationToken, Task> expect)
    {
        public Task ExpectOneAsync(Func<Task> action) => expect(1, action, CancellationToken.None);

        public Task ExpectAsync(int count, Func<Task> action) => expect(count, action, CancellationToken.None);
    }
}

public sealed class ExceptionEventFilterTests : TestKit
{
    [Fact]
    public async Task SingleExceptionIsIntercepted()
    {
        await EventFilter.Exception<ExpectedException>().ExpectOneAsync(() => Log(new ExpectedException()));
        await EventFilter.Exception(typeof(ExpectedException)).ExpectOneAsync(() => Log(new ExpectedException()));
        await EventFilter.Exception<Exception>().ExpectOneAsync(() => Log(new ExpectedException()));
    }

    [Fact]
    public async Task CanInterceptMessagesByWhatTheySay()
    {
        // The text may be that of the log event or that of the exception.
        foreach (var text in new[] { "whatever", "of the event" })
        {
            await MatchesAsync(1, message: text);
            await MatchesAsync(1, start: text[..4]);
            await MatchesAsync(1, contains: text[3..]);
        }
    }

    [Fact]
    public async Task DoNotInterceptMessagesThatDoNotMatch()
    {
        await MatchesAsync(0, message: "what");
        await MatchesAsync(0, start: "ever");
        await MatchesAsync(0, contains: "EVER");
        await EventFilter.Exception<ExpectedException>().ExpectAsync(0, () => Log(new InvalidOperationException()));
        await EventFilter.Exception<ExpectedException>().ExpectAsync(0, () => Log(null));
    }

    [Fact]
    public async Task CanInterceptMessagesBySource()
    {
        await EventFilter.Exception<ExpectedException>(source: "here").ExpectOneAsync(() =>
        {
            GetLogger(Sys, "there").Error(new ExpectedException(), "of the event");
            GetLogger(Sys, "here").Error(new ExpectedException(), "of the event");
            return Task.CompletedTask;
        });
    }

    [Fact]
    public async Task CanInterceptMessagesByPattern()
    {
        var pattern = new System.Text.RegularExpressions.Regex("^what.*");
        await EventFilter.Exception<ExpectedException>(pattern).ExpectOneAsync(() => Log(new ExpectedException("whatever")));
        await EventFilter.Exception<ExpectedException>(pattern).ExpectAsync(0, () => Log(new ExpectedException("let me through")));
    }

    [Fact]
    public async Task InnerExceptionsAreLookedAtOnlyIfAskedFor()
    {
        var wrapped = new InvalidOperationException("outer", new ExpectedException());
        await EventFilter.Exception(typeof(ExpectedException), checkInnerExceptions: true).ExpectOneAsync(() => Log(wrapped));
        await EventFilter.Exception(typeof(ExpectedException)).ExpectAsync(0, () => Log(wrapped));
    }

    [Fact]
    public async Task SpecifiedNumbersOfExceptionsCanBeIntercepted() =>
        await EventFilter.Exception<ExpectedException>().ExpectAsync(2, async () =>
        {
            await Log(new ExpectedException());
            await Log(new ExpectedException());
        });

    [Fact]
    public async Task ShouldFailIfMoreExceptionsThenSpecifiedAreLogged()
    {
        var filter = EventFilter.Exception<ExpectedException>();
        var failure = await Assert.ThrowsAnyAsync<XunitException>(() => filter.ExpectAsync(2, async () =>
        {
            for (var number = 0; number < 3; number++)
                await Log(new ExpectedException());
        }));
        Assert.Contains("More events than the 2 expected", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ShouldReportCorrectMessageCount()
    {
        var failure = await Assert.ThrowsAnyAsync<XunitException>(() => EventFilter.Exception<ExpectedException>().ExpectAsync(
            3, TimeSpan.FromMilliseconds(50), async () =>
            {
                await Log(new ExpectedException());
                await Log(new ExpectedException());
            }));
        Assert.Contains("got 2 of 3", failure.Message, StringComparison.Ordinal);
    }

    Task MatchesAsync(int count, string? message = null, string? start = null, string? contains = null) =>
        EventFilter.Exception<ExpectedException>(message, start, contains).ExpectAsync(count, () => Log(new ExpectedException("whatever")));

    Task Log(Exception? cause)
    {
        Sys.Log.Error(cause, "of the event");
        return Task.CompletedTask;
    }
}

public sealed class DeadLettersEventFilterTests : TestKit
{
    [Fact]
    public async Task Should_be_able_to_filter_dead_letters()
    {
        var dead = await DeadAsync();
        await EventFilter.DeadLetter().ExpectOneAsync(() => Tell(dead, "whatever"));
        await EventFilter.DeadLetter<string>(source: dead.Path.ToString()).ExpectOneAsync(() => Tell(dead, "whatever"));
        await EventFilter.DeadLetter<string>(source: "akka://test/user/another").ExpectAsync(0, () => Tell(dead, "whatever"));
    }

    [Fact]
    public async Task Should_check_properly_type_parameters()
    {
        var dead = await DeadAsync();
        await EventFilter.DeadLetter<int>().ExpectOneAsync(async () =>
        {
            await Tell(dead, "text");
            await Tell(dead, 1);
        });
        await EventFilter.DeadLetter<string>(text => text.Length == 1).ExpectOneAsync(async () =>
        {
            await Tell(dead, "text");
            await Tell(dead, "t");
            await Tell(dead, 't');
        });
    }

    async Task<IActorRef> DeadAsync()
    {
        var actor = Sys.ActorOf(Props.Empty);
        await actor.GracefulStop(TimeSpan.FromSeconds(3));
        return actor;
    }

    static Task Tell(IActorRef actor, object message)
    {
        actor.Tell(message);
        return Task.CompletedTask;
    }
}

public sealed class UnhandledMessageEventFilterTests() : TestKit("akka.actor.debug.unhandled = on")
{
    [Fact]
    public async Task Unhandled_message_should_produce_a_debug_message_and_nothing_else()
    {
        var actor = Sys.ActorOf(Props.Empty);
        await EventFilter.Custom<LogEvent>(_ => true).ExpectOneAsync(() =>
        {
            actor.Tell("whatever");
            return Task.CompletedTask;
        });
        await EventFilter.Debug(contains: "whatever").ExpectOneAsync(() =>
        {
            actor.Tell("whatever");
            return Task.CompletedTask;
        });
    }
}
