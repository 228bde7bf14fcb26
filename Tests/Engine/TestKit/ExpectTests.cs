using System.Diagnostics;
using Xunit.Sdk;

namespace Mesh.Tests.Engine;

public sealed class ExpectTests : TestKit
{
    [Fact]
    public async Task ExpectMsgAllOfAsync_should_receive_correct_messages()
    {
        foreach (var number in new[] { 1, 2, 3, 3, 4 })
            TestActor.Tell(number);
        Assert.Equal([1, 2, 3, 3, 4], await ExpectMsgAllOfAsync<int>([3, 1, 4, 2, 3]).ToListAsync());
        Assert.False(HasMessages);
    }

    [Fact]
    public async Task ExpectMsgAllOfAsync_should_fail_when_receiving_unexpected()
    {
        foreach (var message in new[] { "1", "2", "two", "3" })
            TestActor.Tell(message);
        var failure = await Assert.ThrowsAnyAsync<XunitException>(async () => await ExpectMsgAllOfAsync(["3", "1", "2"]).ToListAsync());
        Assert.Contains("Unexpected <two>; still missing: 3", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExpectMsgAllOfAsync_should_timeout_when_not_receiving_any_messages() =>
        await Assert.ThrowsAnyAsync<XunitException>(async () =>
            await ExpectMsgAllOfAsync(TimeSpan.FromMilliseconds(20), ["3", "1", "2"]).ToListAsync());

    [Fact]
    public async Task ExpectMsgAllOfAsync_should_timeout_if_to_few_messages()
    {
        TestActor.Tell("1");
        TestActor.Tell("2");
        var failure = await Assert.ThrowsAnyAsync<XunitException>(async () =>
            await ExpectMsgAllOfAsync(TimeSpan.FromMilliseconds(20), ["3", "1", "2"]).ToListAsync());
        Assert.Contains("got 2", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExpectMsgAnyOfAsync_takes_one_of_them()
    {
        TestActor.Tell("b");
        Assert.Equal("b", await ExpectMsgAnyOfAsync(["a", "b"]));
        TestActor.Tell("c");
        await Assert.ThrowsAnyAsync<XunitException>(async () => await ExpectMsgAnyOfAsync(["a", "b"]));
    }

    [Fact]
    public async Task Every_form_of_ExpectMsgAsync_says_what_did_not_fit()
    {
        TestActor.Tell("text");
        var byType = await Assert.ThrowsAnyAsync<XunitException>(async () => await ExpectMsgAsync<int>(hint: "why"));
        Assert.Contains("Int32", byType.Message, StringComparison.Ordinal);
        Assert.Contains("why", byType.Message, StringComparison.Ordinal);
        TestActor.Tell("text");
        var byPredicate = await Assert.ThrowsAnyAsync<XunitException>(async () => await ExpectMsgAsync<string>(text => text.Length == 1));
        Assert.Contains("<text>", byPredicate.Message, StringComparison.Ordinal);
        TestActor.Tell("text");
        await Assert.ThrowsAnyAsync<XunitException>(async () => await ExpectMsgAsync<string>(text => Assert.Equal("other", text)));
        TestActor.Tell("text", Sys.DeadLetters);
        await Assert.ThrowsAnyAsync<XunitException>(async () => await ExpectMsgFromAsync(TestActor, "text"));
        TestActor.Tell("text", TestActor);
        Assert.Equal("text", await ExpectMsgFromAsync<string>(TestActor));
        TestActor.Tell("text", TestActor);
        Assert.Equal("text", await ExpectMsgAsync<string>((text, sender) => text.Length == 4 && sender.Equals(TestActor)));
    }

    [Fact]
    public async Task ExpectNoMsgAsync_says_what_came()
    {
        await ExpectNoMsgAsync(10);
        TestActor.Tell("text");
        var failure = await Assert.ThrowsAnyAsync<XunitException>(async () => await ExpectNoMsgAsync(TimeSpan.FromSeconds(3)));
        Assert.Contains("<text>", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExpectTerminatedAsync_takes_the_end_of_that_actor_only()
    {
        var (one, two) = (Sys.ActorOf(Props.Empty), Sys.ActorOf(Props.Empty));
        await WatchAsync(one);
        Sys.Stop(one);
        await Assert.ThrowsAnyAsync<XunitException>(async () => await ExpectTerminatedAsync(two));
        await WatchAsync(two);
        await UnwatchAsync(two);
        Sys.Stop(two);
        await ExpectNoMsgAsync(50);
    }
}

public sealed class ReceiveTests : TestKit
{
    [Fact]
    public async Task ReceiveNAsync_should_receive_correct_number_of_messages()
    {
        for (var number = 1; number <= 4; number++)
            TestActor.Tell(number);
        Assert.Equal([1, 2, 3], await ReceiveNAsync(3, TimeSpan.FromSeconds(10)).ToListAsync());
        await ExpectMsgAsync(4);
    }

    [Fact]
    public async Task ReceiveNAsync_should_timeout_if_no_messages() =>
        await Assert.ThrowsAnyAsync<XunitException>(async () => await ReceiveNAsync(3, TimeSpan.FromMilliseconds(10)).ToListAsync());

    [Fact]
    public async Task ReceiveNAsync_should_timeout_if_to_few_messages()
    {
        TestActor.Tell("1");
        TestActor.Tell("2");
        var failure = await Assert.ThrowsAnyAsync<XunitException>(async () =>
            await ReceiveNAsync(3, TimeSpan.FromMilliseconds(20)).ToListAsync());
        Assert.Contains("(got 2)", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FishForMessageAsync_should_return_matched_message()
    {
        foreach (var message in new object[] { 1, "text", 2, 10, 20 })
            TestActor.Tell(message);
        Assert.Equal(10, await FishForMessageAsync<int>(number => number >= 10));
        // What came after it is still there.
        await ExpectMsgAsync(20);
    }

    [Fact]
    public async Task FishForMessageAsync_should_timeout_if_no_messages() =>
        await Assert.ThrowsAnyAsync<XunitException>(async () =>
            await FishForMessageAsync(_ => false, TimeSpan.FromMilliseconds(10)));

    [Fact]
    public async Task FishForMessageAsync_should_timeout_if_too_few_messages()
    {
        TestActor.Tell("one");
        TestActor.Tell("two");
        var failure = await Assert.ThrowsAnyAsync<XunitException>(async () =>
            await FishForMessageAsync(_ => false, TimeSpan.FromMilliseconds(10), "the hint"));
        Assert.Contains("the hint", failure.Message, StringComparison.Ordinal);
        Assert.False(HasMessages);
    }

    [Fact]
    public async Task What_is_peeked_at_stays()
    {
        Assert.Null(await PeekOneAsync(TimeSpan.FromMilliseconds(10)));
        TestActor.Tell("first");
        Assert.Equal("first", await PeekOneAsync());
        Assert.Equal("first", await PeekOneAsync());
        Assert.Equal("first", await ReceiveOneAsync());
        Assert.Null(await ReceiveOneAsync(TimeSpan.FromMilliseconds(10)));
    }
}

public sealed class IgnoreMessagesTests : TestKit
{
    [Fact]
    public async Task IgnoreMessages_should_ignore_messages()
    {
        IgnoreMessages(message => message is string);
        TestActor.Tell("1");
        TestActor.Tell(2);
        await ExpectMsgAsync(2);
    }

    [Fact]
    public async Task IgnoreMessages_should_ignore_messages_T()
    {
        IgnoreMessages<string>();
        TestActor.Tell("1");
        TestActor.Tell(2);
        await ExpectMsgAsync(2);
    }

    [Fact]
    public async Task IgnoreMessages_should_ignore_messages_T_with_Func()
    {
        IgnoreMessages<string>(text => text.Length > 1);
        TestActor.Tell("long");
        TestActor.Tell("s");
        await ExpectMsgAsync("s");
        IgnoreNoMessages();
        TestActor.Tell("long");
        await ExpectMsgAsync("long");
    }
}

public sealed class AwaitAssertTests : TestKit
{
    [Fact]
    public async Task AwaitAssertAsync_must_not_throw_any_exception_when_assertion_is_valid()
    {
        var calls = 0;
        await AwaitAssertAsync(() => Assert.Equal(3, ++calls), interval: TimeSpan.FromMilliseconds(1));
        Assert.Equal(3, calls);
    }

    [Fact]
    public async Task AwaitAssertAsync_with_async_delegate_must_not_throw_any_exception_when_assertion_is_valid()
    {
        var calls = 0;
        await AwaitAssertAsync(
            async () =>
            {
                await Task.Yield();
                Assert.Equal(3, ++calls);
            },
            interval: TimeSpan.FromMilliseconds(1));
        Assert.Equal(3, calls);
    }

    [Fact]
    public async Task AwaitAssertAsync_must_throw_exception_when_assertion_is_invalid()
    {
        // Its own failure, not one about the time.
        var failure = await Assert.ThrowsAsync<EqualException>(() =>
            AwaitAssertAsync(() => Assert.Equal("foo", "bar"), TimeSpan.FromMilliseconds(20)));
        Assert.Contains("bar", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AwaitAssertAsync_with_async_delegate_must_throw_exception_when_assertion_is_invalid() =>
        await Assert.ThrowsAsync<EqualException>(() => AwaitAssertAsync(
            async () =>
            {
                await Task.Yield();
                Assert.Equal("foo", "bar");
            },
            TimeSpan.FromMilliseconds(20)));

    [Fact]
    public async Task AwaitConditionAsync_goes_on_until_the_condition_holds()
    {
        var calls = 0;
        await AwaitConditionAsync(() => Task.FromResult(++calls == 3), null, TimeSpan.FromMilliseconds(1));
        Assert.Equal(3, calls);
        var failure = await Assert.ThrowsAnyAsync<XunitException>(() =>
            AwaitConditionAsync(() => false, TimeSpan.FromMilliseconds(10), "the reason"));
        Assert.Contains("the reason", failure.Message, StringComparison.Ordinal);
    }
}

public sealed class WithinTests : TestKit
{
    [Fact]
    public async Task WithinAsync_should_respect_minimum_time() =>
        await WithinAsync(TimeSpan.FromMilliseconds(20), TimeSpan.FromSeconds(10), () => Task.Delay(30));

    [Fact]
    public async Task WithinAsync_should_throw_if_execution_is_shorter_than_minimum_time()
    {
        var failure = await Assert.ThrowsAnyAsync<XunitException>(() =>
            WithinAsync(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(2), () => Task.CompletedTask));
        Assert.Contains("at least", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithinAsync_gives_back_what_the_block_gives() =>
        Assert.Equal(7, await WithinAsync(TimeSpan.FromSeconds(10), () => Task.FromResult(7)));

    [Fact]
    public async Task An_inner_block_has_no_more_time_than_the_outer_one()
    {
        await WithinAsync(TimeSpan.FromSeconds(10), () => WithinAsync(TimeSpan.FromHours(1), () =>
        {
            Assert.InRange(RemainingOrDefault, TimeSpan.Zero, TimeSpan.FromSeconds(10));
            return Task.CompletedTask;
        }));
        Assert.Equal(TimeSpan.FromSeconds(3), RemainingOrDefault);
    }

    [Fact]
    public async Task Each_message_of_a_block_has_what_the_ones_before_left() =>
        await Assert.ThrowsAnyAsync<XunitException>(() => WithinAsync(TimeSpan.FromMilliseconds(100), async () =>
        {
            TestActor.Tell("first");
            await ExpectMsgAsync("first");
            await ExpectMsgAsync<string>();
        }));
}

public sealed class DilatedTests() : TestKit("akka.test.timefactor = 3")
{
    static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(30);

    [Fact]
    public void Dilates_correctly_using_timeFactor() => Assert.Equal(Wait * 3, Dilated(Wait));

    [Fact]
    public async Task AwaitConditionAsync_should_dilate_timeout() =>
        await LastsThreeTimesAsLongAsync(() => AwaitConditionAsync(() => false, Wait, ""));

    [Fact]
    public async Task AwaitAssertAsync_should_dilate_timeout() =>
        await LastsThreeTimesAsLongAsync(() => AwaitAssertAsync(() => Assert.Fail("never"), Wait));

    [Fact]
    public async Task ExpectMsgAsync_should_dilate_timeout() =>
        await LastsThreeTimesAsLongAsync(async () => await ExpectMsgAsync<string>(Wait));

    [Fact]
    public async Task ReceiveNAsync_should_dilate_timeout() =>
        await LastsThreeTimesAsLongAsync(async () => await ReceiveNAsync(42, Wait).ToListAsync());

    [Fact]
    public async Task ExpectMsgAllOfAsync_should_dilate_timeout() =>
        await LastsThreeTimesAsLongAsync(async () => await ExpectMsgAllOfAsync(Wait, ["1", "2"]).ToListAsync());

    [Fact]
    public async Task FishForMessageAsync_should_dilate_timeout() =>
        await LastsThreeTimesAsLongAsync(async () => await FishForMessageAsync(_ => false, Wait));

    static async Task LastsThreeTimesAsLongAsync(Func<Task> action)
    {
        var started = Stopwatch.GetTimestamp();
        await Assert.ThrowsAnyAsync<XunitException>(action);
        // Timers of the platform may be early by their grain.
        Assert.True(Stopwatch.GetElapsedTime(started) > (Wait * 3) - TimeSpan.FromMilliseconds(16));
    }
}

/// <summary>With a factor this big, a time that is dilated twice does not end in anybody's lifetime.</summary>
public sealed class DilatedOnceTests() : TestKit("akka.test.timefactor = 10000")
{
    static readonly TimeSpan Wait = TimeSpan.FromTicks(20);

    [Fact]
    public async Task ReceiveNAsync_dilates_once() => await EndsAsync(async () => await ReceiveNAsync(2, Wait).ToListAsync());

    [Fact]
    public async Task ExpectMsgAllOfAsync_dilates_once() =>
        await EndsAsync(async () => await ExpectMsgAllOfAsync(Wait, ["1", "2"]).ToListAsync());

    [Fact]
    public async Task FishForMessageAsync_dilates_once() => await EndsAsync(async () => await FishForMessageAsync(_ => false, Wait));

    [Fact]
    public async Task What_is_left_of_a_block_is_not_dilated_at_all() =>
        await EndsAsync(() => WithinAsync(Wait, async () => await ReceiveNAsync(2).ToListAsync()));

    static async Task EndsAsync(Func<Task> action) =>
        await Assert.ThrowsAnyAsync<XunitException>(() => action().WaitAsync(TimeSpan.FromSeconds(15)));
}

public sealed class TestKitConfigTests : TestKit
{
    [Fact]
    public void DefaultValues_should_be_correct()
    {
        Assert.Equal(TimeSpan.FromSeconds(3), RemainingOrDefault);
        Assert.Equal(TimeSpan.FromSeconds(1), Dilated(TimeSpan.FromSeconds(1)));
        Assert.Equal("DEBUG", Sys.Settings.Config.GetString("akka.loglevel"));
        Assert.Equal("OFF", Sys.Settings.Config.GetString("akka.stdout-loglevel"));
        Assert.Equal("test", Sys.Name);
    }
}
